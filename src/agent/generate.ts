import { type Model, ModelError, type ModelEvent, type ModelRequest } from "../models/index.js";
import { type Clock, DueTimer } from "../platform/index.js";

export interface SilenceLimits {
  /** The longest wait for the first event. */
  readonly firstEventMs: number;
  /** The longest wait between two events. */
  readonly idleMs: number;
}

/** How long a provider may take to end its response after it said that the model has finished. The step is complete then. */
const afterFinishMs = 1_000;

/**
 * One model call with a guard against silence (RETRY-8): a provider that says nothing for too long counts as a timeout, and one that
 * ignores our abort is left behind. Ends or throws promptly after `signal` aborts; callers look at the signal first.
 *
 * @throws ModelError for every failure that is not our own abort
 */
export async function* generate(
  model: Model,
  request: ModelRequest,
  limits: SilenceLimits,
  { signal, clock }: { signal: AbortSignal; clock: Clock },
): AsyncGenerator<ModelEvent, void, undefined> {
  const call = new AbortController();
  const stop = (): void => call.abort();
  if (signal.aborted) return;
  signal.addEventListener("abort", stop, { once: true });
  const events = model.stream(request, { signal: call.signal })[Symbol.asyncIterator]();
  const next = untilAborted(events, call.signal);
  const silence = new AbortController();
  using patience = new DueTimer(clock, limits.firstEventMs, () => {
    silence.abort();
    call.abort();
  });
  let done = false;
  try {
    for (;;) {
      const event = await next();
      if (event === undefined || event.done === true || call.signal.aborted) break;
      done ||= event.value.type === "finish";
      yield event.value;
      patience.restart(done ? afterFinishMs : limits.idleMs);
    }
  } catch (error) {
    // After an abort, whatever the provider's package throws is only the echo of it.
    if (!call.signal.aborted) throw toModelError(error, model);
  } finally {
    signal.removeEventListener("abort", stop);
    call.abort();
    // Not awaited: a provider that ignores the abort must not hold the turn.
    void events.return?.().then(undefined, () => undefined);
  }
  if (silence.signal.aborted && !done) {
    throw new ModelError("The model provider stopped answering.", {
      kind: "timeout",
      provider: model.provider,
      retryable: true,
    });
  }
  if (!done && !isAborted(signal)) {
    throw new ModelError("The model provider's answer broke off.", {
      kind: "timeout",
      provider: model.provider,
      retryable: true,
    });
  }
}

/** Asks again: a signal that was checked before may have aborted since. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function toModelError(error: unknown, model: Model): ModelError {
  if (error instanceof ModelError) return error;
  return new ModelError("The model call failed.", {
    kind: "generic",
    provider: model.provider,
    retryable: false,
    cause: error,
  });
}

/** Takes the next event, or undefined as soon as the signal aborts. For every event of an answer, so it costs one promise. */
function untilAborted<T>(
  iterator: AsyncIterator<T>,
  signal: AbortSignal,
): () => Promise<IteratorResult<T> | undefined> {
  let leave: ((nothing: undefined) => void) | undefined;
  signal.addEventListener("abort", () => leave?.(undefined), { once: true });
  return () =>
    new Promise((resolve, reject) => {
      leave = resolve;
      if (signal.aborted) resolve(undefined);
      iterator.next().then(resolve, reject);
    });
}
