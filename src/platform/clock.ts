/**
 * Time. Everything that waits, measures or stamps takes a {@link Clock}, so that tests move time by hand.
 * This room is the only one that touches the real clock.
 */
export interface Clock {
  /** The wall-clock time, for stamps that people or other machines read. */
  now(): Date;
  /** Milliseconds that never go back, for measuring and for deadlines inside this process. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects at once with the signal's reason when it aborts. */
  sleep(ms: number, options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /** Calls `callback` once after `ms` unless disposed before. Never keeps the process alive by itself. */
  timer(ms: number, callback: () => void): Disposable;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (ms, options) => sleepReal(ms, options?.signal),
  timer: (ms, callback) => setLongTimeout(ms, callback, true),
};

function sleepReal(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const onAbort = (): void => {
      timer[Symbol.dispose]();
      reject(signal?.reason as Error);
    };
    const timer = setLongTimeout(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** The longest wait that a timer of the platform can count; a longer one would fire at once. */
const maxTimeoutMs = 2 ** 31 - 1;

function setLongTimeout(ms: number, callback: () => void, background = false): Disposable {
  let handle: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    handle = setTimeout(
      () => (leftMs > maxTimeoutMs ? wait(leftMs - maxTimeoutMs) : callback()),
      Math.min(leftMs, maxTimeoutMs),
    );
    if (background) handle.unref();
  };
  wait(ms);
  return { [Symbol.dispose]: () => clearTimeout(handle) };
}
