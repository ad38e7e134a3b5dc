import { describe, expect, it } from "vitest";
import { PalaverError } from "../protocol/index.js";
import { UploadBuffer, UploadMemory } from "./file-memory.js";

const kibibyte = 1024;

function refusalOf(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return PalaverError.is(error) ? [error.reason, error.metadata] : error;
  }
  return undefined;
}

describe("the memory of uploads", () => {
  it("is bounded for each owner and for all of them, and is free again when an upload is over", () => {
    const memory = new UploadMemory({ ownerBytes: 10, serverBytes: 15 });
    const [first, second, other] = [memory.open("ada"), memory.open("ada"), memory.open("bob")];
    first.grow(4);
    second.grow(6);
    const ofOwner = ["TOO_MANY_UPLOADS", { limit_bytes: "10" }];
    expect(refusalOf(() => first.grow(1))).toEqual(ofOwner);
    other.grow(5);
    expect(refusalOf(() => other.grow(1))).toEqual(["TOO_MANY_UPLOADS", { limit_bytes: "15" }]);
    second[Symbol.dispose]();
    first.grow(6);
    expect(refusalOf(() => first.grow(1))).toEqual(ofOwner);
    // Once is enough.
    second[Symbol.dispose]();
    expect(refusalOf(() => memory.open("ada").grow(1))).toEqual(ofOwner);
  });

  it("is what an upload really holds, however small its pieces are", () => {
    const limit = 256 * kibibyte;
    const memory = new UploadMemory({ ownerBytes: limit, serverBytes: limit });
    const buffer = new UploadBuffer(memory.open("ada"), limit);
    const piece = new Uint8Array([7]);
    for (let count = 0; count < limit; count += 1) if (!buffer.add(piece)) throw new Error("no room");
    expect(buffer.bytes.byteLength).toBe(limit);
    expect(buffer.bytes.every((byte) => byte === 7)).toBe(true);
    expect(buffer.add(new Uint8Array(0))).toBe(true);
    expect(buffer.add(piece)).toBe(false);
    expect(refusalOf(() => memory.open("bob").grow(1))).toBeDefined();
  });

  it("joins pieces of any size in their order", () => {
    const pieces = [0, 1, 70_000, 3, 200_000, 0, 9].map((size, at) => new Uint8Array(size).fill(at));
    const buffer = new UploadBuffer(new UploadMemory().open("ada"), 1_000_000);
    for (const piece of pieces) buffer.add(piece);
    expect(Buffer.compare(buffer.bytes, Buffer.concat(pieces))).toBe(0);
  });
});
