import { Code, ConnectError } from "@connectrpc/connect";
import type { Config } from "../config/index.js";
import { type Clock, silentLogger } from "../platform/index.js";
import { type PeerCredentials, Peers } from "../relay/index.js";
import { readRelayTls } from "../server/index.js";
import { type Database, findClusterSecret, type ReplicaRecord } from "../store/index.js";
import type { Finding } from "./doctor-finding.js";
import { formatSeconds, shortId } from "./replica-rows.js";
import { reasonOf, reportOf } from "./report-error.js";

const check = "links";
const timeoutMs = 5_000;

/**
 * Whether every living replica answers where it says that the others reach it: all are called at once, from here, as they call each other,
 * with the token and the certificate that a replica started here would have. A replica whose version has no relay is left out.
 */
export async function checkLinks(
  living: readonly ReplicaRecord[],
  { relay }: Pick<Config, "relay">,
  { database, clock }: { database: Database; clock: Clock },
): Promise<Finding[]> {
  const replicas = living.filter(({ clockSkewMs }) => clockSkewMs !== undefined);
  let tls: PeerCredentials["tls"];
  try {
    tls = relay.tls && (await readRelayTls(relay.tls));
  } catch (error) {
    const advice = "Check PALAVER_RELAY_CERT, PALAVER_RELAY_KEY and PALAVER_RELAY_CA.";
    return [{ check, status: "failed", detail: reportOf(error).message, advice }];
  }
  if (replicas.length === 0) return [];
  const token = relay.token?.reveal() ?? (await findClusterSecret(database, "relay")) ?? "";
  using peers = new Peers({ token, tls }, { clock, logger: silentLogger });
  const found = await Promise.all(
    replicas.map(async (replica) => {
      const fault = await dial(replica, peers, { secure: tls !== undefined, clock });
      return fault && describe(replica, fault);
    }),
  );
  const failed = found.filter((finding) => finding !== undefined);
  if (failed.length > 0) return failed;
  return [
    { check, status: "ok", detail: `all ${replicas.length} replicas answer where they can be reached` },
  ];
}

interface Fault {
  readonly what: string;
  readonly advice: string;
}

function describe({ id, advertisedUrl, heartbeatAgeMs }: ReplicaRecord, { what, advice }: Fault): Finding {
  const detail = `${shortId(id)} at ${advertisedUrl ?? "no URL"}: ${what}; its last beat was ${formatSeconds(heartbeatAgeMs)} ago`;
  return { check, status: "failed", detail, advice };
}

/** What is wrong with the way to a replica; undefined: nothing. */
async function dial(
  { id, advertisedUrl }: ReplicaRecord,
  peers: Peers,
  { secure, clock }: { secure: boolean; clock: Clock },
): Promise<Fault | undefined> {
  // With a relay, it says at least where it listens.
  if (advertisedUrl === undefined)
    return { what: "it has no relay", advice: "It was started without NATS_URL: set it on all replicas." };
  if (/^https:/i.test(advertisedUrl) !== secure) {
    return {
      what: secure
        ? "its links are without TLS, and a certificate for them is set here"
        : "its links use TLS, and no certificate for them is set here",
      advice:
        "Set PALAVER_RELAY_CERT, PALAVER_RELAY_KEY and PALAVER_RELAY_CA on all replicas and here, or nowhere.",
    };
  }
  const controller = new AbortController();
  using _patience = clock.timer(timeoutMs, () => controller.abort());
  // About a chat that does not exist: it is accepted like any other, and has nothing to tell.
  const request = { workerId: id, chatId: id };
  const accepted = new AbortController();
  try {
    await peers.streamDeltas(advertisedUrl, request, {
      signal: AbortSignal.any([controller.signal, accepted.signal]),
      received: () => accepted.abort(),
    });
  } catch (error) {
    if (!accepted.signal.aborted) return faultOf(error, { timedOut: controller.signal.aborted, secure });
  }
  return undefined;
}

function faultOf(given: unknown, { timedOut, secure }: { timedOut: boolean; secure: boolean }): Fault {
  const error = ConnectError.from(given);
  if (reasonOf(error) === "WRONG_WORKER") {
    return {
      what: "another replica answers there",
      advice:
        "Set PALAVER_ADVERTISE_URL to an address of its own on each; or this one was killed, and is forgotten soon.",
    };
  }
  switch (error.code) {
    case Code.Unauthenticated:
      return {
        what: "it takes another token than the one here",
        advice: "PALAVER_CLUSTER_TOKEN has to be the same on all replicas and here, or set nowhere.",
      };
    case Code.Unimplemented:
      return {
        what: "what answers there has no relay",
        advice:
          "Was it started without NATS_URL, or does PALAVER_ADVERTISE_URL name something else than its PALAVER_RELAY_LISTEN?",
      };
    default:
      return {
        what: timedOut ? `no answer within ${formatSeconds(timeoutMs)}` : whyUnreachable(error),
        advice: `Check PALAVER_ADVERTISE_URL and PALAVER_RELAY_LISTEN on it, and the firewall between it and here.${secure ? certificatesAdvice : ""}`,
      };
  }
}

const certificatesAdvice =
  " Its certificate has to be good for the host of that URL, and vouched for by PALAVER_RELAY_CA here, as the one here by its own.";

/** In the words of whatever failed first: the system, TLS, or the call. */
function whyUnreachable(error: ConnectError): string {
  let cause: Error = error;
  while (cause.cause instanceof Error) cause = cause.cause;
  return cause instanceof ConnectError ? cause.rawMessage : cause.message;
}
