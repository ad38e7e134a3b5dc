const firstMs = 1_000;
const maxMs = 60_000;

/** How long to wait after failed attempt number `attempt` (from 1): 1 s doubling to 60 s, but never less than the provider asks (RETRY-2). */
export function retryDelayMs(attempt: number, retryAfterMs: number | undefined): number {
  const backoff = Math.min(maxMs, firstMs * 2 ** (attempt - 1));
  return Math.max(backoff, retryAfterMs ?? 0);
}
