const firstDelayMs = 500;
const maxDelayMs = 15_000;

/**
 * How long to wait before the next attempt: 500 ms after the first failure, doubling up to 15 s, less up to half of it by chance, so that
 * clients that lost their server together do not come back together.
 *
 * @param failures how many attempts in a row have failed, from 1
 * @param fraction by chance, in [0, 1)
 */
export function backoffMs(failures: number, fraction: number): number {
  return Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1)) * (1 - fraction / 2);
}
