export interface UntilOptions {
  /** What is waited for, as it should read after "waited for". */
  readonly what: string;
  /** How long to wait before giving up. Default 10 s: a deadline for the broken case, not an expectation. */
  readonly deadlineMs?: number;
  /** The pause between two looks. Default 10 ms. */
  readonly intervalMs?: number;
}

/** The values that mean "not yet". */
type NotYet = false | null | undefined | 0 | "";

/**
 * Looks at `condition` until it yields something truthy, and returns that. A condition that throws is not met yet; its
 * last error is the cause of the failure, so assertions may stand inside.
 *
 * This is the only place where tests wait by looking again and again. Where there is an event or a promise to wait for,
 * wait for that; where there is an injected clock, move it.
 *
 * @throws when the deadline has passed, even if `condition` itself hangs
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what, deadlineMs = 10_000, intervalMs = 10 }: UntilOptions,
): Promise<Exclude<T, NotYet>> {
  const startedAt = performance.now();
  let last: { value: unknown } | { error: unknown } | undefined;
  let deadline: NodeJS.Timeout | undefined;
  const expired = new Promise<"expired">((resolve) => {
    deadline = setTimeout(resolve, deadlineMs, "expired");
  });
  const look = async (): Promise<{ met: Exclude<T, NotYet> } | undefined> => {
    try {
      const value = await condition();
      last = { value };
      return value ? { met: value as Exclude<T, NotYet> } : undefined;
    } catch (error) {
      last = { error };
      return undefined;
    }
  };

  try {
    for (;;) {
      const answer = await Promise.race([look(), expired]);
      if (answer === "expired") break;
      if (answer !== undefined) return answer.met;
      if (performance.now() - startedAt >= deadlineMs) break;
      await new Promise((resolve) => setTimeout(resolve, intervalMs));
    }
  } finally {
    clearTimeout(deadline);
  }
  throw timedOut(what, deadlineMs, last);
}

function timedOut(
  what: string,
  deadlineMs: number,
  last: { value: unknown } | { error: unknown } | undefined,
): Error {
  const waited = `waited ${deadlineMs} ms for ${what}`;
  if (last === undefined) return new Error(`${waited}; the condition never answered`);
  if ("value" in last) return new Error(`${waited}; the last look gave ${String(last.value)}`);
  const reason = last.error instanceof Error ? last.error.message : String(last.error);
  return new Error(`${waited}; the last look failed: ${reason}`, { cause: last.error });
}
