import { resolve } from "node:path";
import type { z } from "zod";
import type { FieldViolation } from "../protocol/index.js";
import { type ListenAddress, formatListenAddress, isWildcardHost } from "./listen-address.js";
import type { Secret } from "./secret.js";
import type { serverSchema } from "./variables.js";

/** How the replicas of a cluster reach each other. Only used when there is a bus between them. */
export interface RelayConfig {
  readonly listen: ListenAddress;
  /** Where other replicas reach this one; undefined: the URL it listens on, known once it listens. */
  readonly advertiseUrl: string | undefined;
  /** Undefined: one that the replicas share through the database. */
  readonly token: Secret | undefined;
  /** Mutual TLS. Files are absolute. */
  readonly tls: { readonly certFile: string; readonly keyFile: string; readonly caFile: string } | undefined;
}

type Values = z.infer<typeof serverSchema>;

export function relayConfig(values: Values): RelayConfig {
  const { PALAVER_RELAY_CERT: cert, PALAVER_RELAY_KEY: key, PALAVER_RELAY_CA: ca } = values;
  const complete = cert !== undefined && key !== undefined && ca !== undefined;
  return {
    listen: values.PALAVER_RELAY_LISTEN,
    advertiseUrl: values.PALAVER_ADVERTISE_URL,
    token: values.PALAVER_CLUSTER_TOKEN,
    tls: complete ? { certFile: resolve(cert), keyFile: resolve(key), caFile: resolve(ca) } : undefined,
  };
}

/** Variables about the relay that are valid by themselves and not together. */
export function relayContradictions(
  { bus, relay }: { readonly bus: { readonly kind: "local" | "nats" }; readonly relay: RelayConfig },
  values: Values,
): FieldViolation[] {
  const found: FieldViolation[] = [];
  const files = ["PALAVER_RELAY_CERT", "PALAVER_RELAY_KEY", "PALAVER_RELAY_CA"] as const;
  const given = files.find((name) => values[name] !== undefined);
  for (const name of files) {
    if (given !== undefined && values[name] === undefined)
      found.push({ field: given, description: `needs ${name}` });
  }
  const { token, listen, advertiseUrl } = relay;
  // It travels in a header.
  if (token !== undefined && !/^[\x21-\x7e]{16,}$/.test(token.reveal())) {
    const description = "expected 16 or more visible ASCII characters, without spaces";
    found.push({ field: "PALAVER_CLUSTER_TOKEN", description });
  }
  if (bus.kind === "nats" && advertiseUrl === undefined && isWildcardHost(listen.host)) {
    const description = `is needed, because PALAVER_RELAY_LISTEN is ${formatListenAddress(listen)}, which is no address to call`;
    found.push({ field: "PALAVER_ADVERTISE_URL", description });
  }
  if (advertiseUrl !== undefined) {
    const { protocol, hostname, search, hash } = new URL(advertiseUrl);
    const scheme = given === undefined ? "http:" : "https:";
    if (protocol !== scheme) {
      const why = given === undefined ? "no PALAVER_RELAY_CERT is set" : `${given} is set`;
      found.push({ field: "PALAVER_ADVERTISE_URL", description: `expected ${scheme}//, because ${why}` });
    }
    if (search !== "" || hash !== "") {
      const description = "expected no query and no fragment: the paths of calls are added to it";
      found.push({ field: "PALAVER_ADVERTISE_URL", description });
    }
    if (isWildcardHost(hostname.replace(/^\[|\]$/g, ""))) {
      const description = `expected an address that the other replicas can call, and ${hostname} is none`;
      found.push({ field: "PALAVER_ADVERTISE_URL", description });
    }
  }
  return found;
}
