const letters = "abcdefghijklmnopqrstuvwxyz ";

/** The text of a step: so many deltas of so many bytes each, ASCII, the same each time, and not the same in any two places. */
export function stepText(deltas: number, bytes: number): string {
  let state = 1;
  let text = "";
  for (let index = 0; index < deltas * bytes; index++) {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += letters[(state >>> 16) % letters.length] ?? "";
  }
  return text;
}

export const emptyHash = 0x811c9dc5;

/** FNV-1a over the bytes, going on from an earlier hash: what every subscriber has read is compared with what was said. */
export function hashBytes(hash: number, bytes: Uint8Array, start: number, end: number): number {
  let state = hash;
  for (let index = start; index < end; index++) state = Math.imul(state ^ (bytes[index] ?? 0), 0x01000193);
  return state;
}

export function hashText(text: string): number {
  const bytes = Buffer.from(text);
  return hashBytes(emptyHash, bytes, 0, bytes.length);
}
