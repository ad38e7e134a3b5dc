import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCursorText, encodeCursorText } from "./cursor-text.js";

const kind = fc.nat({ max: 255 });
const payload = fc.uint8Array({ maxLength: 180 });

test("what was encoded is decoded again, from text that fits into a URL and into 256 bytes", () => {
  fc.assert(
    fc.property(kind, payload, (number, bytes) => {
      const text = encodeCursorText(number, bytes);
      expect(text).toMatch(/^[A-Za-z0-9_-]{1,256}$/);
      expect(decodeCursorText(number, text)).toEqual(bytes);
    }),
  );
});

test("a cursor of another kind is none", () => {
  fc.assert(
    fc.property(kind, kind, payload, (one, other, bytes) => {
      fc.pre(one !== other);
      expect(decodeCursorText(other, encodeCursorText(one, bytes))).toBeUndefined();
    }),
  );
});

test("a cursor with one character changed, added or missing is none", () => {
  const character = fc.constantFrom("A", "z", "0", "-", "_", "+", "/", "=", " ", "\n");
  fc.assert(
    fc.property(kind, payload, fc.nat(), character, fc.nat({ max: 2 }), (number, bytes, at, other, how) => {
      const text = encodeCursorText(number, bytes);
      const index = at % text.length;
      const inserted = how === 0 ? "" : other;
      const damaged = text.slice(0, index) + inserted + text.slice(how === 2 ? index : index + 1);
      fc.pre(damaged !== text);
      expect(decodeCursorText(number, damaged)).toBeUndefined();
    }),
  );
});

test("text that is no cursor at all is none", () => {
  fc.assert(
    fc.property(kind, fc.string({ maxLength: 300 }), (number, text) => {
      expect(decodeCursorText(number, text)).toBeUndefined();
    }),
  );
  expect(decodeCursorText(1, "")).toBeUndefined();
});

test("the checksum is the CRC-32 that everybody else computes", () => {
  // "123456789" has the well-known check value cbf43926.
  const text = encodeCursorText(0x31, new TextEncoder().encode("23456789"));
  expect(Buffer.from(text, "base64url").subarray(-4).toString("hex")).toBe("cbf43926");
});
