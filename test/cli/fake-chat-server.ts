import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { once } from "node:events";
import { createServer, type Http2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Health, HealthCheckResponse_ServingStatus } from "../../src/gen/grpc/health/v1/health_pb.js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import {
  ChatService,
  type SubscribeRequest,
  SubscribeResponseSchema,
} from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { EpisodeSchema, type StreamEvent } from "../../src/gen/palaver/chat/v1/event_pb.js";

export type FakeMethods = Partial<ServiceImpl<typeof ChatService>>;

/** A server on a free port that answers as a test says. It knows nothing of chats. */
export interface FakeChatServer extends AsyncDisposable {
  readonly url: string;
  /** Every request as "Method" and what it carried, in order. */
  readonly calls: { readonly method: string; readonly authorization: string | null }[];
  /** Breaks all connections, as a server that dies does. */
  cutConnections(): void;
}

export async function startFakeChatServer(methods: FakeMethods): Promise<FakeChatServer> {
  const calls: FakeChatServer["calls"] = [];
  const sessions = new Set<Http2Session>();
  const server = createServer(
    connectNodeAdapter({
      routes: (router) => {
        router.service(ChatService, { ...methods, ...numbering(methods) });
        router.service(Health, { check: () => ({ status: HealthCheckResponse_ServingStatus.SERVING }) });
      },
      interceptors: [
        (next) => (request) => {
          calls.push({ method: request.method.name, authorization: request.header.get("authorization") });
          return next(request);
        },
      ],
    }),
  );
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cutConnections = (): void => {
    for (const session of sessions) session.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    cutConnections,
    [Symbol.asyncDispose]: async () => {
      cutConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Subscriptions as a real server numbers them: deltas within their step, and the revisions of messages. */
function numbering({ subscribe }: FakeMethods): FakeMethods {
  if (subscribe === undefined) return {};
  let historyVersion = 1n;
  let generationAttempt = 1;
  let seq = 0n;
  const number = ({ event }: StreamEvent): void => {
    switch (event.case) {
      case "messagePart":
        seq += 1n;
        event.value.episode = create(EpisodeSchema, { historyVersion, generationAttempt });
        event.value.firstSeq = seq;
        event.value.seq = seq;
        return;
      case "message":
        historyVersion += 1n;
        seq = 0n;
        if (event.value.message !== undefined) event.value.message.revision = historyVersion;
        return;
      case "previewReset":
        generationAttempt += 1;
        seq = 0n;
        return;
      default:
        return;
    }
  };
  return {
    async *subscribe(request, context) {
      if (request.cursor === "") seq = 0n;
      for await (const init of subscribe(request, context)) {
        const response = create(SubscribeResponseSchema, init);
        for (const event of response.events) number(event);
        yield response;
      }
    },
  };
}

/** A response of Subscribe. */
export function response(...events: StreamEvent[]): MessageInitShape<typeof SubscribeResponseSchema> {
  return create(SubscribeResponseSchema, { events });
}

/** Resolves when the subscriber has left. */
export function untilLeft({ signal }: { signal: AbortSignal }): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** An error as a Palaver server tells it. */
export function refusal(code: Code, reason: string, message: string): ConnectError {
  return new ConnectError(message, code, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain: "palaver.dev" } },
  ]);
}

export type { SubscribeRequest };
