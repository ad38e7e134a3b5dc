import { resolve } from "node:path";
import type { z } from "zod";
import type { FieldViolation } from "../protocol/index.js";
import type { NatsUrl } from "./nats-url.js";
import type { Secret } from "./secret.js";
import type { serverSchema } from "./variables.js";

/** How replicas reach the NATS servers. */
export interface NatsConfig {
  /** `host:port` of servers of one cluster. */
  readonly servers: readonly string[];
  readonly credential: NatsCredential;
  /** Undefined: TLS where the servers ask for it. Files are absolute. */
  readonly tls:
    | {
        readonly caFile: string | undefined;
        readonly certFile: string | undefined;
        readonly keyFile: string | undefined;
      }
    | undefined;
  readonly stream: { readonly replicas: number; readonly storage: "file" | "memory" };
}

export type NatsCredential =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly user: string; readonly password: Secret }
  | { readonly kind: "token"; readonly token: Secret }
  /** A file with a seed, or with a JWT and its seed; absolute. */
  | { readonly kind: "nkey" | "credentials"; readonly file: string };

type Values = z.infer<typeof serverSchema>;

export function natsConfig(url: NatsUrl, values: Values): NatsConfig {
  const { NATS_CA: ca, NATS_CERT: cert, NATS_KEY: key } = values;
  const withFiles = ca !== undefined || cert !== undefined;
  return {
    servers: url.servers,
    credential: credentials(values)[0]?.credential ?? { kind: "none" },
    tls:
      url.tls || withFiles
        ? { caFile: absolute(ca), certFile: absolute(cert), keyFile: absolute(key) }
        : undefined,
    stream: {
      replicas: values.PALAVER_NOTIFY_STREAM_REPLICAS,
      storage: values.PALAVER_NOTIFY_STREAM_STORAGE,
    },
  };
}

/** Variables about NATS that are valid by themselves and not together. */
export function natsContradictions(values: Values): FieldViolation[] {
  const found: FieldViolation[] = [];
  const [, other] = credentials(values);
  if (other !== undefined) {
    const description = `NATS wants one credential, and ${credentials(values)
      .map(({ from }) => from)
      .join(" and ")} are set`;
    found.push({ field: other.from, description });
  }
  const pairs = [
    ["NATS_USER", "NATS_PASSWORD"],
    ["NATS_CERT", "NATS_KEY"],
  ] as const;
  for (const [one, two] of pairs) {
    if ((values[one] === undefined) === (values[two] === undefined)) continue;
    const [set, unset] = values[one] === undefined ? [two, one] : [one, two];
    found.push({ field: set, description: `needs ${unset}` });
  }
  return found;
}

/** All that were given, and where. */
function credentials(values: Values): { from: string; credential: NatsCredential }[] {
  const { NATS_URL: url, NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_NKEY, NATS_CREDS } = values;
  const found: { from: string; credential: NatsCredential }[] = [];
  const login = url?.login;
  if (login !== undefined)
    found.push({
      from: "NATS_URL",
      credential: "token" in login ? { kind: "token", ...login } : { kind: "password", ...login },
    });
  if (NATS_USER !== undefined && NATS_PASSWORD !== undefined)
    found.push({
      from: "NATS_USER",
      credential: { kind: "password", user: NATS_USER, password: NATS_PASSWORD },
    });
  if (NATS_TOKEN !== undefined)
    found.push({ from: "NATS_TOKEN", credential: { kind: "token", token: NATS_TOKEN } });
  if (NATS_NKEY !== undefined)
    found.push({ from: "NATS_NKEY", credential: { kind: "nkey", file: resolve(NATS_NKEY) } });
  if (NATS_CREDS !== undefined)
    found.push({ from: "NATS_CREDS", credential: { kind: "credentials", file: resolve(NATS_CREDS) } });
  return found;
}

function absolute(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(path);
}
