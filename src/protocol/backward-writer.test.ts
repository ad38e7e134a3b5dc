import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { expect, it } from "vitest";
import { anyInt32, anyInt64, anyText } from "../../test/kit/any-wire-value.js";
import { BackwardWriter } from "./backward-writer.js";

type Field =
  | { readonly type: "int32"; readonly value: number }
  | { readonly type: "int64"; readonly value: bigint }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "bytes"; readonly value: Uint8Array }
  | { readonly type: "message"; readonly value: readonly Field[] };

const { fields: anyFields } = fc.letrec<{ fields: readonly Field[] }>((tie) => ({
  fields: fc.array(
    fc.oneof(
      { depthSize: "small" },
      fc.record({ type: fc.constant("int32" as const), value: fc.oneof(anyInt32, fc.integer()) }),
      fc.record({
        type: fc.constant("int64" as const),
        value: fc.oneof(anyInt64, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
      }),
      fc.record({
        type: fc.constant("string" as const),
        value: fc.oneof(anyText, fc.string({ unit: "binary" })),
      }),
      fc.record({ type: fc.constant("bytes" as const), value: fc.uint8Array({ maxLength: 300 }) }),
      fc.record({ type: fc.constant("message" as const), value: tie("fields") }),
    ),
    { maxLength: 6 },
  ),
}));

const tagOf = (index: number, type: Field["type"]): number =>
  ((index + 1) << 3) | (type === "int32" || type === "int64" ? 0 : 2);

/** From the first field to the last, as the schema's own writer does it. */
function writeForward(writer: BinaryWriter, fields: readonly Field[]): BinaryWriter {
  for (const [index, { type, value }] of fields.entries()) {
    const tag = tagOf(index, type);
    if (type === "int32" && value !== 0) writer.uint32(tag).int32(value);
    if (type === "int64" && value !== 0n) writer.uint32(tag).int64(value);
    if (type === "string" && value !== "") writer.uint32(tag).string(value);
    if (type === "bytes") writer.uint32(tag).bytes(value);
    if (type === "message") writeForward(writer.uint32(tag).fork(), value).join();
  }
  return writer;
}

function writeBackward(writer: BackwardWriter, fields: readonly Field[]): void {
  for (const [index, { type, value }] of [...fields.entries()].reverse()) {
    const tag = tagOf(index, type);
    const end = writer.length;
    if (type === "int32") writer.int32(tag, value);
    if (type === "int64") writer.int64(tag, value);
    if (type === "string") writer.string(tag, value);
    if (type === "bytes") writer.bytes(tag, value);
    if (type !== "message") continue;
    writeBackward(writer, value);
    writer.prefix(tag, end);
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

it("writes what is written forward, one message after the other", () => {
  const writer = new BackwardWriter();
  fc.assert(
    fc.property(anyFields, fc.nat(9), (fields, freeBytes) => {
      writeBackward(writer, fields);
      const written = writer.length;
      const bytes = writer.finish(freeBytes);
      expect(bytes.length).toBe(freeBytes + written);
      expect(hex(bytes.subarray(freeBytes))).toBe(hex(writeForward(new BinaryWriter(), fields).finish()));
    }),
    { numRuns: 1_000 },
  );
});

it("gives bytes away for good", () => {
  const writer = new BackwardWriter();
  writer.string(10, "one");
  const one = writer.finish();
  writer.string(10, "two");
  writer.finish();
  expect(one.toString()).toBe("\n\u0003one");
});

it("takes no number that its type has not", () => {
  const writer = new BackwardWriter();
  for (const value of [0.5, 2 ** 31, -(2 ** 31) - 1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => writer.int32(8, value), String(value)).toThrow(RangeError);
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n])
    expect(() => writer.int64(8, value), String(value)).toThrow(RangeError);
});
