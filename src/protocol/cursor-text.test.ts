import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCursorText, encodeCursorText } from "./cursor-text.js";

const kind = fc.nat({ max: 255 });
const subject = fc.string({ unit: "binary" });
const payload = fc.uint8Array({ maxLength: 180 });

test("what was encoded is decoded again, from text that fits into a URL and into 256 bytes", () => {
  fc.assert(
    fc.property(kind, subject, payload, (number, whose, bytes) => {
      const text = encodeCursorText(number, whose, bytes);
      expect(text).toMatch(/^[A-Za-z0-9_-]{1,256}$/);
      expect(decodeCursorText(number, whose, text)).toEqual(bytes);
    }),
  );
});

test("what goes with a cursor but is not part of it costs nothing: three bytes are added to the payload", () => {
  expect(encodeCursorText(1, "0b9bd2a2-7c3b-4d5e-9f00-000000000001", new Uint8Array(9))).toHaveLength(16);
});

test("a cursor of another kind is none", () => {
  fc.assert(
    fc.property(kind, kind, subject, payload, (one, other, whose, bytes) => {
      fc.pre(one !== other);
      expect(decodeCursorText(other, whose, encodeCursorText(one, whose, bytes))).toBeUndefined();
    }),
  );
});

test("a cursor of another subject is none", () => {
  fc.assert(
    fc.property(kind, subject, subject, payload, (number, whose, other, bytes) => {
      fc.pre(whose !== other);
      expect(decodeCursorText(number, other, encodeCursorText(number, whose, bytes))).toBeUndefined();
    }),
  );
});

test("a cursor with one character changed, added or missing is none", () => {
  const character = fc.constantFrom("A", "z", "0", "-", "_", "+", "/", "=", " ", "\n");
  fc.assert(
    fc.property(
      kind,
      subject,
      payload,
      fc.nat(),
      character,
      fc.nat({ max: 2 }),
      (number, whose, bytes, at, other, how) => {
        const text = encodeCursorText(number, whose, bytes);
        const index = at % text.length;
        const inserted = how === 0 ? "" : other;
        const damaged = text.slice(0, index) + inserted + text.slice(how === 2 ? index : index + 1);
        fc.pre(damaged !== text);
        expect(decodeCursorText(number, whose, damaged)).toBeUndefined();
      },
    ),
  );
});

test("a cursor with zeros added, or without those at its end, is none", () => {
  fc.assert(
    fc.property(kind, subject, payload, fc.integer({ min: 1, max: 8 }), (number, whose, bytes, zeros) => {
      const text = encodeCursorText(number, whose, bytes);
      expect(decodeCursorText(number, whose, text + "A".repeat(zeros))).toBeUndefined();
      const longer = Buffer.concat([Buffer.from(text, "base64url"), Buffer.alloc(zeros)]);
      expect(decodeCursorText(number, whose, longer.toString("base64url"))).toBeUndefined();
      const withZeros = encodeCursorText(number, whose, Buffer.concat([bytes, Buffer.alloc(zeros)]));
      const shorter = Buffer.from(withZeros, "base64url").subarray(0, -zeros).toString("base64url");
      expect(decodeCursorText(number, whose, shorter)).toBeUndefined();
    }),
  );
});

test("text that is no cursor at all is none", () => {
  fc.assert(
    fc.property(kind, subject, fc.string({ maxLength: 300 }), (number, whose, text) => {
      expect(decodeCursorText(number, whose, text)).toBeUndefined();
    }),
  );
  expect(decodeCursorText(1, "", "")).toBeUndefined();
});

test("the checksum is the CRC-24 that everybody else computes, of kind, subject and payload", () => {
  const checksum = (number: number, whose: string, bytes: Uint8Array): string =>
    Buffer.from(encodeCursorText(number, whose, bytes), "base64url")
      .subarray(-3)
      .toString("hex");
  // "123456789" has the well-known check value b4f3e6.
  expect(checksum(0x31, "", Buffer.from("23456789"))).toBe("b4f3e6");
  expect(checksum(0x31, "\u3233\u3435", Buffer.from("6789"))).toBe("b4f3e6");
});
