const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof unitMs;

/** Reads `500ms`, `15s`, `1.5m`, `2h` or `30d` as milliseconds; undefined for anything else, a bare number included: its unit would be a guess. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) return undefined;
  const ms = Number(match[1]) * unitMs[match[2] as Unit];
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Writes milliseconds in the largest unit that needs no fraction: the inverse of {@link parseDuration}. */
export function formatDuration(ms: number): string {
  for (const unit of ["h", "m", "s"] as const) {
    if (ms !== 0 && ms % unitMs[unit] === 0) return `${ms / unitMs[unit]}${unit}`;
  }
  return `${ms}ms`;
}
