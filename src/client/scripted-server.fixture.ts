import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Code,
  ConnectError,
  createRouterTransport,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import {
  ChatService,
  type SubscribeRequest,
  type SubscribeResponseSchema,
} from "../gen/palaver/chat/v1/chat_service_pb.js";
import { type ChatsClient, createPalaverClient } from "./palaver-client.js";
import type { ClientClock } from "./runtime.js";

/** A client of a server that answers as a test says, in memory; the wire's encoding and errors are the real ones. */
export function clientOf(methods: Partial<ServiceImpl<typeof ChatService>>): ChatsClient {
  return createPalaverClient({
    transport: createRouterTransport((router) => router.service(ChatService, methods)),
  });
}

export type Answer = (
  request: SubscribeRequest,
  context: HandlerContext,
) => AsyncIterable<MessageInitShape<typeof SubscribeResponseSchema>>;

/** A client whose subscriptions are answered one after the other; the last answer also answers all that follow. */
export function subscribable(
  ...answers: readonly Answer[]
): ChatsClient & { readonly requests: SubscribeRequest[] } {
  const requests: SubscribeRequest[] = [];
  const client = clientOf({
    subscribe: (request, context) => {
      requests.push(request);
      const answer = answers[Math.min(requests.length, answers.length) - 1];
      if (answer === undefined) throw new Error("no answer is scripted");
      return answer(request, context);
    },
  });
  return { ...client, requests };
}

/** An error as a Palaver server tells it. */
export function refusal(code: Code, reason: string): ConnectError {
  return new ConnectError(reason, code, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain: "palaver.dev" } },
  ]);
}

/** Resolves when the caller has left. */
export function untilLeft({ signal }: { readonly signal: AbortSignal }): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** A clock for which the waits before attempts are over at once; they are recorded. Nothing is ever silent. */
export function hastyClock(): ClientClock & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    waits,
    monotonicMs: () => 0,
    sleep: async (ms, { signal } = {}) => {
      if (ms > 15_000 && signal !== undefined) {
        await untilLeft({ signal });
        throw signal.reason as Error;
      }
      waits.push(ms);
    },
  };
}

/** No chance: waits are the longest that they can be. */
export const noJitter = { fraction: () => 0, uuid: () => "00000000-0000-4000-8000-000000000000" };
