import fc from "fast-check";

/** Values as fields of our messages have them, with those around which an encoding takes another byte. */
export const anyInt32 = fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 2 ** 31 - 1 }));
export const anyInt64 = fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, BigInt(Number.MAX_SAFE_INTEGER)));
export const anyText = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
  fc.constantFrom("", "a".repeat(127), "a".repeat(128), "ä".repeat(64), "🦊".repeat(5_000)),
);
