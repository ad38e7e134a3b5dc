import { z } from "zod";

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/** `500ms`, `2s`, `1.5s`, `1m`; as milliseconds, at least one. Undefined when it is none. */
function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  const ms = Math.round(Number(match?.[1]) * (units[match?.[2] ?? ""] ?? Number.NaN));
  return ms >= 1 ? ms : undefined;
}

/** Milliseconds, written as a number and a unit; at most `maxMs`. */
export function duration(maxMs: number): z.ZodType<number> {
  const expected = `write a duration of at most ${formatDuration(maxMs)}, such as 500ms or 2s`;
  return z.string({ error: expected }).transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms <= maxMs) return ms;
    const what = ms === undefined ? "is no duration" : "is more than the protocol allows";
    context.addIssue({ code: "custom", message: `"${text}" ${what}: ${expected}` });
    return z.NEVER;
  });
}

export function formatDuration(ms: number): string {
  return ms < 1_000
    ? `${ms} ms`
    : ms < 60_000
      ? `${Number((ms / 1_000).toFixed(1))} s`
      : `${Number((ms / 60_000).toFixed(1))} min`;
}
