import fc from "fast-check";
import { expect, test } from "vitest";
import { packNumbers, unpackNumbers } from "./packed-numbers.js";

const number = fc.oneof(
  fc.nat({ max: 70 }),
  fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(0, 7, 8, 2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
);

test("numbers come back as they were", () => {
  fc.assert(
    fc.property(fc.array(number), (numbers) => {
      expect(unpackNumbers(packNumbers(numbers))).toEqual(numbers);
    }),
  );
});

test.each([
  { numbers: [], bytes: 0 },
  { numbers: [7], bytes: 1 },
  { numbers: [7, 7], bytes: 1 },
  { numbers: [63, 0, 8, 0], bytes: 3 },
  { numbers: [511, 4095], bytes: 4 },
  { numbers: [Number.MAX_SAFE_INTEGER], bytes: 9 },
])("$numbers take $bytes bytes: half a byte for each three bits", ({ numbers, bytes }) => {
  expect(packNumbers(numbers)).toHaveLength(bytes);
});

test("different numbers are packed to different bytes", () => {
  fc.assert(
    fc.property(fc.array(number), fc.array(number), (one, other) => {
      fc.pre(one.length !== other.length || one.some((each, index) => each !== other[index]));
      expect(packNumbers(one)).not.toEqual(packNumbers(other));
    }),
  );
});

test("any bytes are unpacked to numbers that are packed to no more bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 250 }), (bytes) => {
      const numbers = unpackNumbers(bytes);
      expect(numbers.every((each) => each >= 0 || Number.isNaN(each))).toBe(true);
      fc.pre(numbers.every(Number.isSafeInteger));
      expect(packNumbers(numbers).length).toBeLessThanOrEqual(bytes.length);
    }),
  );
});
