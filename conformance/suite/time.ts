/** The suite's only door to real time. A case has no other: it waits for events. */
export function nowMs(): number {
  return performance.now();
}

export function today(): Date {
  return new Date();
}

/** Calls back once, unless disposed before. */
export function after(ms: number, callback: () => void): Disposable {
  const timer = setTimeout(callback, ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

export type Outcome<T> =
  | { readonly kind: "done"; readonly value: T; readonly tookMs: number }
  | { readonly kind: "failed"; readonly error: unknown; readonly tookMs: number }
  | { readonly kind: "late"; readonly tookMs: number };

/** What becomes of a promise within a time. Never rejects; what a late one becomes is dropped. */
export async function outcomeWithin<T>(promise: Promise<T>, ms: number): Promise<Outcome<T>> {
  const startedMs = nowMs();
  const took = (): number => Math.round(nowMs() - startedMs);
  let timer: Disposable | undefined;
  const late = new Promise<Outcome<T>>((resolve) => {
    timer = after(ms, () => resolve({ kind: "late", tookMs: took() }));
  });
  try {
    return await Promise.race([
      late,
      promise.then(
        (value): Outcome<T> => ({ kind: "done", value, tookMs: took() }),
        (error: unknown): Outcome<T> => ({ kind: "failed", error, tookMs: took() }),
      ),
    ]);
  } finally {
    timer?.[Symbol.dispose]();
  }
}

/** Between two looks at something that tells nobody when it changes. Not for cases. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
