/** A year: anything longer is a mistake and must not overflow timers. */
const maxRetryAfterMs = 365 * 24 * 60 * 60 * 1000;

/**
 * How long a provider asks to wait, from its response headers: `retry-after-ms` before `retry-after` (seconds, or an HTTP date,
 * RFC 9110 section 10.2.3). Undefined when there is none or it makes no sense; a date in the past is 0.
 * Header names are matched in any case.
 */
export function readRetryAfter(
  headers: Readonly<Record<string, string | undefined>>,
  now: Date,
): number | undefined {
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value?.trim()]));
  return (
    readNumber(byName.get("retry-after-ms"), 1) ??
    readNumber(byName.get("retry-after"), 1000) ??
    readDate(byName.get("retry-after"), now)
  );
}

function readNumber(text: string | undefined, factor: number): number | undefined {
  if (text === undefined || !/^\d+(\.\d+)?$/.test(text)) return undefined;
  return Math.min(Math.ceil(Number(text) * factor), maxRetryAfterMs);
}

function readDate(text: string | undefined, now: Date): number | undefined {
  // An HTTP date begins with the name of a weekday; Date.parse alone would accept nearly anything.
  if (text === undefined || !/^(mon|tue|wed|thu|fri|sat|sun)/i.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at - now.getTime(), 0), maxRetryAfterMs);
}
