import { create, fromBinary, fromJsonString } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { SubscribeResponseSchema } from "../gen/palaver/chat/v1/chat_service_pb.js";
import { type StreamEvent, StreamEventSchema } from "../gen/palaver/chat/v1/event_pb.js";
import { atEndOfTurn } from "../platform/index.js";
import type { StreamBatch } from "../stream/index.js";
import { deliver } from "./deliver.js";
import { envelopeOf } from "./envelope.js";

function event(text: string): StreamEvent {
  return create(StreamEventSchema, {
    event: {
      case: "messagePart",
      value: { firstSeq: 1n, seq: 1n, part: { kind: { case: "text", value: { text } } } },
    },
  });
}

const endOfTurn = (): Promise<void> => new Promise((resolve) => atEndOfTurn(resolve));

/** A subscription to whatever a test says is ready. */
class Ready {
  readonly batches: StreamBatch[] = [];
  taken = 0;
  failure: Error | undefined;
  #callback: (options: { readonly patient: boolean }) => void = () => undefined;

  onReady(callback: (options: { readonly patient: boolean }) => void): void {
    this.#callback = callback;
  }

  take(): StreamBatch | undefined {
    this.taken += 1;
    const batch = this.batches.shift();
    if (batch === undefined && this.failure !== undefined) throw this.failure;
    return batch;
  }

  add(...texts: string[]): void {
    for (const text of texts) this.batches.push({ events: [event(text)], cursor: text });
    this.#callback({ patient: true });
  }

  now(text: string): void {
    this.batches.push({ events: [event(text)], cursor: text });
    this.#callback({ patient: false });
  }

  fail(failure: Error): void {
    this.failure = failure;
    this.#callback({ patient: false });
  }
}

/** An outlet that takes so many envelopes before it is full. */
class Body {
  readonly codec = "binary";
  readonly cursors: string[] = [];
  room = Number.POSITIVE_INFINITY;
  drained: () => void = () => undefined;

  write(envelope: Uint8Array): boolean {
    this.cursors.push(fromBinary(SubscribeResponseSchema, envelope.subarray(5)).cursor);
    this.room -= 1;
    return this.room > 0;
  }

  onceDrained(callback: () => void): void {
    this.drained = callback;
  }
}

describe("what is delivered", () => {
  it("is written once for a turn, in order, and goes on until the subscriber leaves", async () => {
    const [ready, body, leaving] = [new Ready(), new Body(), new AbortController()];
    const done = deliver(ready, body, { signal: leaving.signal, envelopeOf });
    await endOfTurn();
    const before = ready.taken;
    for (let delta = 0; delta < 16; delta++) ready.add(`${delta}`);
    expect(body.cursors).toEqual([]);
    await endOfTurn();
    expect(body.cursors).toEqual(Array.from({ length: 16 }, (_, delta) => `${delta}`));
    expect(ready.taken - before).toBe(17);
    ready.add("last");
    leaving.abort();
    await done;
    await endOfTurn();
    expect(body.cursors).toHaveLength(16);
  });

  it("is written at once where it is more than deltas, and takes along the deltas before it", async () => {
    const [ready, body, leaving] = [new Ready(), new Body(), new AbortController()];
    void deliver(ready, body, { signal: leaving.signal, envelopeOf });
    await endOfTurn();
    ready.add("delta");
    ready.now("status");
    await Promise.resolve();
    expect(body.cursors).toEqual(["delta", "status"]);
    await endOfTurn();
    expect(body.cursors).toHaveLength(2);
    leaving.abort();
  });

  it("begins with what is ready already", async () => {
    const [ready, body, leaving] = [new Ready(), new Body(), new AbortController()];
    ready.add("early");
    void deliver(ready, body, { signal: leaving.signal, envelopeOf });
    await endOfTurn();
    expect(body.cursors).toEqual(["early"]);
    leaving.abort();
  });

  it("waits for a full outlet, and takes nothing meanwhile", async () => {
    const [ready, body, leaving] = [new Ready(), new Body(), new AbortController()];
    body.room = 1;
    void deliver(ready, body, { signal: leaving.signal, envelopeOf });
    ready.add("first", "second");
    await endOfTurn();
    ready.add("third");
    await endOfTurn();
    expect(body.cursors).toEqual(["first"]);
    body.room = 10;
    body.drained();
    await endOfTurn();
    expect(body.cursors).toEqual(["first", "second", "third"]);
    leaving.abort();
  });

  it("ends with what the subscription ends with, after all that came before", async () => {
    const [ready, body, leaving] = [new Ready(), new Body(), new AbortController()];
    const done = deliver(ready, body, { signal: leaving.signal, envelopeOf });
    ready.add("word");
    ready.fail(new Error("SLOW_CONSUMER"));
    await expect(done).rejects.toThrow("SLOW_CONSUMER");
    expect(body.cursors).toEqual(["word"]);
  });

  it("is nothing to somebody who has left", async () => {
    const [ready, body] = [new Ready(), new Body()];
    ready.add("word");
    await deliver(ready, body, { signal: AbortSignal.abort(), envelopeOf });
    await endOfTurn();
    expect(body.cursors).toEqual([]);
  });
});

describe("an envelope", () => {
  it("holds the response in the codec of its reader, with its length", () => {
    const batch = { events: [event("a 🦊"), event("b")], cursor: "c" };
    const response = create(SubscribeResponseSchema, batch);
    const binary = Buffer.from(envelopeOf(batch, "binary"));
    expect(binary[0]).toBe(0);
    expect(binary.readUInt32BE(1)).toBe(binary.length - 5);
    expect(fromBinary(SubscribeResponseSchema, binary.subarray(5))).toEqual(response);
    const json = Buffer.from(envelopeOf(batch, "json"));
    expect(json.readUInt32BE(1)).toBe(json.length - 5);
    expect(fromJsonString(SubscribeResponseSchema, json.subarray(5).toString("utf8"))).toEqual(response);
  });

  it("is made once for all who get the same, and anew for whoever gets anything else", () => {
    const [first, second] = [event("a"), event("b")];
    const envelope = envelopeOf({ events: [first], cursor: "c" }, "binary");
    expect(envelopeOf({ events: [first], cursor: "c" }, "binary")).toBe(envelope);
    expect(envelopeOf({ events: [first], cursor: "d" }, "binary")).not.toBe(envelope);
    expect(envelopeOf({ events: [first, second], cursor: "d" }, "binary")).not.toBe(envelope);
    expect(envelopeOf({ events: [first], cursor: "c" }, "json")).not.toBe(envelope);
  });
});

/** A subscription that goes with others as soon as it has nothing ready. */
class Together extends Ready {
  give: ((batch: StreamBatch) => boolean) | undefined;

  joinOthers(give: (batch: StreamBatch) => boolean): void {
    this.give = give;
  }
}

const batchOf = (text: string): StreamBatch => ({ events: [event(text)], cursor: text });

describe("what comes together with others'", () => {
  it("is written as it is given, until there is no room, and is asked for again when there is", async () => {
    const [ready, body, leaving] = [new Together(), new Body(), new AbortController()];
    void deliver(ready, body, { signal: leaving.signal, envelopeOf });
    await endOfTurn();
    expect(ready.give?.(batchOf("first"))).toBe(true);
    body.room = 1;
    expect(ready.give?.(batchOf("second"))).toBe(false);
    expect(body.cursors).toEqual(["first", "second"]);
    const { taken } = ready;
    ready.give = undefined;
    ready.add("third");
    await endOfTurn();
    expect([ready.taken, ready.give]).toEqual([taken, undefined]);
    body.room = 9;
    body.drained();
    await endOfTurn();
    expect(body.cursors).toEqual(["first", "second", "third"]);
    expect(ready.give).toBeDefined();
    leaving.abort();
  });

  it("is not written to who has left, and ends with what cannot be written", async () => {
    const [ready, body, leaving] = [new Together(), new Body(), new AbortController()];
    const done = deliver(ready, body, { signal: leaving.signal, envelopeOf });
    await endOfTurn();
    leaving.abort();
    expect(ready.give?.(batchOf("late"))).toBe(false);
    expect(body.cursors).toEqual([]);
    await done;
    const other = new Together();
    const failed = deliver(other, body, { signal: new AbortController().signal, envelopeOf });
    await endOfTurn();
    expect(other.give?.({ events: [], cursor: "" })).toBe(false);
    await expect(failed).rejects.toThrow("at least one event");
    expect(other.give?.(batchOf("late"))).toBe(false);
    expect(body.cursors).toEqual([]);
  });
});
