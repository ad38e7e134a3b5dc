/**
 * The messages of `source` until `signal` aborts; then the iteration fails at once with the signal's reason, even if `source`
 * has not settled or takes the abort for its own orderly end. `source` is told to return, and may take its time.
 *
 * `mapError` translates every failure; `ended`, if given, is called exactly once, however the iteration ends.
 */
export function endOnAbort<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
  { mapError, ended }: { mapError: (error: unknown) => Error; ended?: () => void },
): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: (): AsyncIterator<T> => {
      const iterator = source[Symbol.asyncIterator]();
      let fail: ((error: Error) => void) | undefined;
      let open = true;
      const end = (): void => {
        if (!open) return;
        open = false;
        signal.removeEventListener("abort", aborted);
        ended?.();
      };
      const leave = (): void => {
        // A generator that is busy returns when it comes to its next await's end; its own failure is of no interest any more.
        iterator.return?.().then(undefined, () => undefined);
      };
      const aborted = (): void => {
        end();
        leave();
        fail?.(mapError(signal.reason));
      };
      signal.addEventListener("abort", aborted, { once: true });

      return {
        next: () =>
          new Promise((resolve, reject) => {
            if (!open || signal.aborted) {
              end();
              leave();
              if (signal.aborted) reject(mapError(signal.reason));
              else resolve({ done: true, value: undefined });
              return;
            }
            fail = reject;
            iterator.next().then(
              (result) => {
                fail = undefined;
                if (result.done === true) end();
                resolve(result);
              },
              (error: unknown) => {
                fail = undefined;
                end();
                reject(mapError(error));
              },
            );
          }),
        return: () => {
          end();
          leave();
          return Promise.resolve({ done: true, value: undefined });
        },
        // What failed is the writing to the client: there is nobody left to explain it to.
        throw: (error: Error) => {
          end();
          leave();
          return Promise.reject(error);
        },
      };
    },
  };
}
