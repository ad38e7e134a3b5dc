import { Code, ConnectError } from "@connectrpc/connect";
import type { ClientClock } from "./runtime.js";
import { SilenceWatch } from "./silence-watch.js";

export interface ListenOptions {
  readonly signal?: AbortSignal | undefined;
  readonly silenceMs: number;
  readonly clock: ClientClock;
}

/**
 * The responses of one streaming call, which ends with the loop over it: leaving the loop, or the signal, cancels the call at once, and what
 * arrives after that is dropped.
 *
 * @throws ConnectError what the call fails with; UNAVAILABLE when nothing is heard for `silenceMs`
 */
export async function* listen<Response>(
  open: (signal: AbortSignal) => AsyncIterable<Response>,
  { signal, silenceMs, clock }: ListenOptions,
): AsyncGenerator<Response, void, undefined> {
  const call = new AbortController();
  const leave = (): void => call.abort();
  signal?.addEventListener("abort", leave, { once: true });
  if (signal?.aborted === true) leave();
  const silence = new SilenceWatch({ clock, limitMs: silenceMs, onSilence: leave });
  let responses: AsyncIterator<Response> | undefined;
  try {
    responses = open(call.signal)[Symbol.asyncIterator]();
    for (;;) {
      silence.wait();
      const next = await responses.next();
      silence.heard();
      if (call.signal.aborted || next.done === true) break;
      yield next.value;
    }
  } catch (error) {
    if (!silence.isBroken) throw error;
  } finally {
    silence.stop();
    signal?.removeEventListener("abort", leave);
    // In this order: a transport may wait for the end of the call before it lets go of its stream.
    leave();
    responses?.return?.().catch(() => undefined);
  }
  if (silence.isBroken) throw new ConnectError(`nothing was heard for ${silenceMs} ms`, Code.Unavailable);
}
