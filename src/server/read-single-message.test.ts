import { create, toBinary } from "@bufbuild/protobuf";
import { compressionGzip } from "@connectrpc/connect-node";
import { createMethodSerializationLookup, encodeEnvelope } from "@connectrpc/connect/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChatService, SubscribeRequestSchema } from "../gen/palaver/chat/v1/chat_service_pb.js";
import { readSingleMessage } from "./read-single-message.js";

const limitBytes = 1_000;
const endFlag = 0b10;
const serialization = createMethodSerializationLookup(ChatService.method.subscribe, undefined, undefined, {
  readMaxBytes: limitBytes,
  writeMaxBytes: limitBytes,
}).getI(true);

function read(...chunks: Uint8Array[]): Promise<unknown> {
  const body = (async function* () {
    await Promise.resolve();
    yield* chunks;
  })();
  return readSingleMessage(body, { limitBytes, compression: compressionGzip, serialization, endFlag });
}

function request(chatId: string): Uint8Array {
  return toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, { chatId }));
}

describe("readSingleMessage", () => {
  it("reads the message however its bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ maxLength: 200 }),
        fc.array(fc.nat(220), { maxLength: 8 }),
        async (chatId, cuts) => {
          const bytes = encodeEnvelope(0, request(chatId));
          const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
          const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
          expect(await read(...chunks)).toMatchObject({ chatId });
        },
      ),
    );
  });

  it("unpacks what is compressed, and passes over the envelope of an end", async () => {
    const compressed = encodeEnvelope(1, await compressionGzip.compress(request("a chat")));
    const end = encodeEnvelope(endFlag, new TextEncoder().encode("{}"));
    expect(await read(compressed, end)).toMatchObject({ chatId: "a chat" });
  });

  it("refuses any other number of messages than one", async () => {
    const one = encodeEnvelope(0, request("a chat"));
    await expect(read()).rejects.toThrow("the request has no message");
    await expect(read(Buffer.concat([one, one]))).rejects.toThrow("the request has more than one message");
  });

  it("refuses a message that says that it is too large, before it is there", async () => {
    const prefix = encodeEnvelope(0, new Uint8Array(limitBytes + 1)).subarray(0, 5);
    const body = (async function* () {
      await Promise.resolve();
      yield prefix;
      throw new Error("read on");
    })();
    const reading = readSingleMessage(body, { limitBytes, compression: null, serialization, endFlag });
    await expect(reading).rejects.toThrow(`larger than the limit of ${limitBytes} bytes`);
  });

  it("refuses what is too large only once it is unpacked", async () => {
    const compressed = await compressionGzip.compress(request("x".repeat(limitBytes)));
    expect(compressed.byteLength).toBeLessThan(limitBytes);
    await expect(read(encodeEnvelope(1, compressed))).rejects.toThrow("larger than the limit");
  });

  it("refuses a message that ends too early, or is none", async () => {
    const bytes = encodeEnvelope(0, request("a chat"));
    await expect(read(bytes.subarray(0, 3))).rejects.toThrow("incomplete envelope");
    await expect(read(bytes.subarray(0, -1))).rejects.toThrow("incomplete envelope");
    await expect(read(encodeEnvelope(0, new Uint8Array([0xff])))).rejects.toThrow("cannot be decoded");
  });
});
