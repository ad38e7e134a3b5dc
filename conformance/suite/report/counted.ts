export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** How many cases lack nothing but one thing, and how many lack others besides. */
export function lackingCases({
  cases: alone,
  among,
}: {
  readonly cases: number;
  readonly among: number;
}): string {
  if (among === 0) return count(alone, "case");
  return alone === 0
    ? `${count(among, "case")}, with something else besides`
    : `${count(alone, "case")}, and ${among} more with something else besides`;
}
