import { type CallOptions, Code, ConnectError } from "@connectrpc/connect";
import { backoffMs } from "./backoff.js";
import { mayRepeat } from "./call-failure.js";
import { type ClientClock, type ClientRandom, systemClock, systemRandom } from "./runtime.js";

export interface RepeatOptions {
  /** Gives up. What was asked for may happen nevertheless. */
  readonly signal?: AbortSignal | undefined;
  /** How long one attempt may take. Default 30 s. */
  readonly attemptTimeoutMs?: number | undefined;
  /** Default 6: about 15 s of waiting in all. */
  readonly maxAttempts?: number | undefined;
  readonly clock?: ClientClock | undefined;
  readonly random?: ClientRandom | undefined;
}

/**
 * Makes a call that carries an idempotency key, again and again until there is an answer: repeated, it has no second effect (MSG-4).
 *
 * @throws ConnectError what the server refuses with, or the last failure; CANCELED when the signal gave up
 */
export async function repeatCall<Response>(
  call: (idempotencyKey: string, options: CallOptions) => Promise<Response>,
  options: RepeatOptions & { readonly idempotencyKey?: string | undefined },
): Promise<Response> {
  const { signal, attemptTimeoutMs = 30_000, maxAttempts = 6 } = options;
  const { clock = systemClock, random = systemRandom } = options;
  const key =
    options.idempotencyKey === undefined || options.idempotencyKey === ""
      ? random.uuid()
      : options.idempotencyKey;
  for (let failures = 1; ; failures += 1) {
    try {
      return await call(key, { timeoutMs: attemptTimeoutMs, ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      const given = ConnectError.from(error);
      if (signal?.aborted === true || failures >= maxAttempts || !mayRepeat(given)) throw given;
    }
    try {
      await clock.sleep(backoffMs(failures, random.fraction()), { signal });
    } catch (error) {
      throw new ConnectError("given up between two attempts", Code.Canceled, undefined, undefined, error);
    }
  }
}
