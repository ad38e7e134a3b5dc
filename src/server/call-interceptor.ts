import type { DescService, Message } from "@bufbuild/protobuf";
import { Code, type ConnectError, type Interceptor, type StreamRequest } from "@connectrpc/connect";
import type { Logger, Random } from "../platform/index.js";
import { callKey, noteFailure } from "./call.js";
import { endOnAbort } from "./end-on-abort.js";
import type { OpenStreams } from "./open-streams.js";
import { requestError } from "./request-error.js";
import { toRpcError } from "./rpc-error.js";

/**
 * The outermost interceptor: every failure leaves it as an RPC error with a reason.
 *
 * A stream also gets a signal that aborts when the server stops or its credential is revoked, and ends with that error
 * at once, whatever its implementation does about the signal.
 */
export function callInterceptor(deps: {
  streams: OpenStreams;
  logger: Logger;
  random: Random;
  messageLimit: (service: DescService) => number;
}): Interceptor {
  const { streams, messageLimit } = deps;
  return (next) => async (request) => {
    const call = request.contextValues.get(callKey);
    const mapped = (error: unknown, signal: AbortSignal): ConnectError => {
      const outgoing = toRpcError(error, { ...deps, method: call.method, signal });
      // A client that leaves is no failure: the log tells it at the level of calls that went well.
      return outgoing.code === Code.Canceled ? outgoing : noteFailure(call, outgoing);
    };

    call.understood = true;
    if (!request.stream) {
      try {
        return await next(request);
      } catch (error) {
        throw mapped(error, request.signal);
      }
    }
    const stream = streams.open(request.signal, call.credential);
    const { signal } = stream;
    try {
      const message = explainRequestErrors(request, messageLimit(request.service));
      const response = await next({ ...request, signal, message });
      if (!response.stream) throw new Error("a stream was answered with a single message");
      return {
        ...response,
        message: endOnAbort(response.message, signal, {
          mapError: (error) => mapped(error, signal),
          ended: () => stream[Symbol.dispose](),
        }),
      };
    } catch (error) {
      stream[Symbol.dispose]();
      throw mapped(error, signal);
    }
  };
}

/** The messages of a stream's request; what is wrong with them is the caller's fault. */
async function* explainRequestErrors(
  { message }: StreamRequest,
  limitBytes: number,
): AsyncGenerator<Message> {
  const messages = message[Symbol.asyncIterator]();
  try {
    for (;;) {
      const result = await messages.next().catch((error: unknown) => {
        throw requestError(error, limitBytes);
      });
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    await messages.return?.();
  }
}
