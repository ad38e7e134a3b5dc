import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { readFile } from "node:fs/promises";
import type { Config } from "../config/index.js";
import { Health } from "../gen/grpc/health/v1/health_pb.js";
import { RelayService } from "../gen/palaver/relay/v1/relay_service_pb.js";
import type { ReplicaRecord } from "../store/index.js";
import type { Finding } from "./doctor-finding.js";
import { formatSeconds, shortId } from "./replica-rows.js";

const timeoutMs = 5_000;

interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/**
 * Whether every living replica answers where it says that the others reach it: all are called at once, from here. A replica whose version
 * has no relay is left out.
 */
export async function checkLinks(
  living: readonly ReplicaRecord[],
  { relay }: Pick<Config, "relay">,
): Promise<Finding[]> {
  const check = "links";
  let tls: TlsTexts | undefined;
  try {
    tls = relay.tls && (await readTexts(relay.tls));
  } catch (error) {
    const advice = "Check PALAVER_RELAY_CERT, PALAVER_RELAY_KEY and PALAVER_RELAY_CA.";
    return [{ check, status: "failed", detail: messageOf(error), advice }];
  }
  const replicas = living.filter(({ clockSkewMs }) => clockSkewMs !== undefined);
  if (replicas.length === 0) return [];
  const found = [
    ...sharedUrls(replicas),
    ...(await Promise.all(replicas.map((replica) => dial(replica, tls)))).filter(
      (finding) => finding !== undefined,
    ),
  ];
  if (found.length > 0) return found;
  return [
    { check, status: "ok", detail: `all ${replicas.length} replicas answer where they can be reached` },
  ];
}

/** One URL leads to one replica. */
function sharedUrls(replicas: readonly ReplicaRecord[]): Finding[] {
  const urls = new Set(replicas.map(({ advertisedUrl }) => advertisedUrl));
  return [...urls].flatMap((url): Finding[] => {
    const sharers = replicas.filter(({ advertisedUrl }) => advertisedUrl === url);
    if (url === undefined || sharers.length === 1) return [];
    return [
      {
        check: "links",
        status: "failed",
        detail: `${sharers.map(({ id }) => shortId(id)).join(" and ")} both say that they are reached at ${url}`,
        advice:
          "Set PALAVER_ADVERTISE_URL to an address of its own on each; or one of them was killed, and is forgotten soon.",
      },
    ];
  });
}

/** What is wrong with the way to a replica; undefined: nothing. */
async function dial(replica: ReplicaRecord, tls: TlsTexts | undefined): Promise<Finding | undefined> {
  const { id, advertisedUrl, heartbeatAgeMs } = replica;
  const failed = (what: string, advice: string): Finding => {
    const detail = `${shortId(id)} at ${advertisedUrl ?? "no URL"}: ${what}; its last beat was ${formatSeconds(heartbeatAgeMs)} ago`;
    return { check: "links", status: "failed", detail, advice };
  };
  if (advertisedUrl === undefined) return failed("it does not say where", "Set PALAVER_ADVERTISE_URL on it.");
  const session = new Http2SessionManager(advertisedUrl, {}, tls);
  try {
    const transport = createGrpcTransport({ baseUrl: advertisedUrl, sessionManager: session });
    await createClient(Health, transport).check({ service: RelayService.typeName }, { timeoutMs });
    return undefined;
  } catch (error) {
    if (ConnectError.from(error).code === Code.NotFound) {
      return failed(
        "what answers there has no relay",
        "Was it started without NATS_URL, or does PALAVER_ADVERTISE_URL name something else than its PALAVER_RELAY_LISTEN?",
      );
    }
    return failed(
      whyUnreachable(error),
      "Check PALAVER_ADVERTISE_URL and PALAVER_RELAY_LISTEN on it, and the firewall between it and here.",
    );
  } finally {
    session.abort();
  }
}

async function readTexts(files: NonNullable<Config["relay"]["tls"]>): Promise<TlsTexts> {
  const [cert, key, ca] = await Promise.all(
    [files.certFile, files.keyFile, files.caFile].map((file) => readFile(file, "utf8")),
  );
  return { cert: cert ?? "", key: key ?? "", ca: ca ?? "" };
}

/** In the words of whatever failed first: the system, TLS, or the call. */
function whyUnreachable(error: unknown): string {
  if (ConnectError.from(error).code === Code.DeadlineExceeded)
    return `no answer within ${formatSeconds(timeoutMs)}`;
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  return messageOf(cause);
}

function messageOf(error: unknown): string {
  if (error instanceof ConnectError) return error.rawMessage;
  return error instanceof Error ? error.message : String(error);
}
