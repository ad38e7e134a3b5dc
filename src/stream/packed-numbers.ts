/**
 * Numbers from 0 to `Number.MAX_SAFE_INTEGER` in few bytes where most are small: each half of a byte holds three bits of a number, the
 * lowest first, and a bit that says that more of it follows. A number below 8 takes half a byte, any number at most 9.
 */
export function packNumbers(numbers: readonly number[]): Uint8Array {
  const halves: number[] = [];
  for (const number of numbers) {
    // Not with bit operators, which know 32 bits.
    let rest = number;
    for (; rest >= more; rest = Math.floor(rest / more)) halves.push(more + (rest % more));
    halves.push(rest);
  }
  // Half a byte that is left over begins a number that never comes.
  if (halves.length % 2 === 1) halves.push(more);
  const bytes = new Uint8Array(halves.length / 2);
  for (let index = 0; index < bytes.length; index += 1)
    bytes[index] = ((halves[2 * index] ?? 0) << 4) | (halves[2 * index + 1] ?? 0);
  return bytes;
}

/**
 * The numbers that were packed. Bytes that `packNumbers` would not have made are unpacked too, to something that it would not pack to them, or
 * to numbers that are no safe integers: whoever does not trust them has to look.
 */
export function unpackNumbers(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  let number = 0;
  let unit = 1;
  for (const byte of bytes) {
    for (const half of [byte >>> 4, byte & 0xf]) {
      number += (half % more) * unit;
      unit *= more;
      if (half >= more) continue;
      numbers.push(number);
      number = 0;
      unit = 1;
    }
  }
  return numbers;
}

/** The bit that says that more follows, and the base in which numbers are written. */
const more = 8;
