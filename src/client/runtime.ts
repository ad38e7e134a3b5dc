/**
 * Time and chance, as the client needs them. This file is the only one here that touches the real ones; it works wherever there are
 * timers and `crypto`: in browsers, workers and Node.
 */

/** Time. A test passes a clock that it moves by hand. */
export interface ClientClock {
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects at once with the signal's reason when it aborts. */
  sleep(ms: number, options?: { signal?: AbortSignal | undefined }): Promise<void>;
}

/** Chance, injected so that a test can repeat a run. */
export interface ClientRandom {
  /** A number in [0, 1). */
  fraction(): number;
  /** A UUID, version 4. */
  uuid(): string;
}

export const systemClock: ClientClock = {
  monotonicMs: () => performance.now(),
  sleep: (ms, options) => sleepReal(ms, options?.signal),
};

export const systemRandom: ClientRandom = {
  fraction: () => Math.random(),
  uuid: randomUuid,
};

function sleepReal(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Not `crypto.randomUUID`: browsers have that on secure origins only, and a server in a local network may have none. */
function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(bytes, (byte, index) => {
    const stamped = index === 6 ? (byte & 0x0f) | 0x40 : index === 8 ? (byte & 0x3f) | 0x80 : byte;
    return stamped.toString(16).padStart(2, "0");
  }).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
