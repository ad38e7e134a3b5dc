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
  timer: (ms, callback) => new Timer(ms, callback, { background: true }),
};

function sleepReal(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const onAbort = (): void => {
      timer[Symbol.dispose]();
      reject(signal?.reason as Error);
    };
    const timer = new Timer(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** The longest wait that a timer of the platform can count; a longer one would fire at once. */
const maxTimeoutMs = 2 ** 31 - 1;

/** A class, since an object literal with a symbol for a key costs more than the timer. */
class Timer implements Disposable {
  #handle: NodeJS.Timeout;

  constructor(ms: number, callback: () => void, { background = false } = {}) {
    this.#handle = this.#arm(ms, callback, background);
  }

  #arm(ms: number, callback: () => void, background: boolean): NodeJS.Timeout {
    const rest = (): void => {
      this.#handle = this.#arm(ms - maxTimeoutMs, callback, background);
    };
    const handle = ms > maxTimeoutMs ? setTimeout(rest, maxTimeoutMs) : setTimeout(callback, ms);
    if (background) handle.unref();
    return handle;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#handle);
  }
}
