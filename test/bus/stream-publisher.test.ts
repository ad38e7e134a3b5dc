import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StreamPublisher } from "../../src/bus/stream-publisher.js";
import { ManualClock, systemClock } from "../../src/platform/index.js";
import { type NatsServer, startNats } from "../kit/nats-server.js";

const timeoutMs = 2_000;
const few = Buffer.from("few");

let nats: NatsServer;
let connection: NatsConnection;
beforeAll(async () => {
  nats = await startNats();
  connection = await connect({ servers: nats.url });
  const { streams } = await connection.jetstreamManager();
  await streams.add({ name: "SMALL", subjects: ["small.*"], max_msg_size: 100 });
});
afterAll(async () => {
  await connection.close();
  await nats[Symbol.asyncDispose]();
});

/** What became of a message, as a promise. */
function publish(
  publisher: StreamPublisher,
  subject: string,
  payload: Uint8Array,
  id: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    publisher.publish(subject, payload, id, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

async function stored(): Promise<number> {
  const { streams } = await connection.jetstreamManager();
  return (await streams.info("SMALL")).state.messages;
}

it("resolves what the stream has, once for each id, however many are under way", async () => {
  using publisher = new StreamPublisher(connection, { clock: systemClock, timeoutMs });
  const ids = Array.from({ length: 500 }, (_, index) => `id-${index % 250}`);
  const before = await stored();
  await Promise.all(ids.map((id) => publish(publisher, "small.a", few, id)));
  expect((await stored()) - before).toBe(250);
});

it("rejects what the stream refuses, and what no stream takes; others go through", async () => {
  using publisher = new StreamPublisher(connection, { clock: systemClock, timeoutMs });
  const outcomes = await Promise.allSettled([
    publish(publisher, "small.a", Buffer.alloc(200), "large"),
    publish(publisher, "elsewhere", few, "lost"),
    publish(publisher, "small.a", few, "good"),
  ]);
  expect(outcomes.map((one) => (one.status === "rejected" ? String(one.reason) : "done"))).toEqual([
    expect.stringMatching(/refused a message.*message size exceeds/),
    "Error: no stream takes the message (503)",
    "done",
  ]);
});

it("gives up what is not acknowledged within the time, each after its own", async () => {
  const clock = new ManualClock();
  using publisher = new StreamPublisher(connection, { clock, timeoutMs });
  // Somebody listens, so that the server has no complaint, and does not answer.
  const silent = connection.subscribe("silent");
  const outcomes: string[] = [];
  const say = (name: string): void =>
    publisher.publish("silent", few, name, (error) => outcomes.push(`${name}: ${String(error)}`));
  say("first");
  clock.advance(500);
  say("second");
  await connection.flush();
  clock.advance(1_499);
  await publish(publisher, "small.a", few, "meanwhile");
  expect(outcomes).toEqual([]);
  clock.advance(1);
  await publish(publisher, "small.a", few, "and then");
  const late = "Error: JetStream did not acknowledge a message within 2000 ms";
  expect(outcomes).toEqual([`first: ${late}`]);
  clock.advance(500);
  await publish(publisher, "small.a", few, "at last");
  expect(outcomes).toEqual([`first: ${late}`, `second: ${late}`]);
  silent.unsubscribe();
});

it("rejects what is under way when it is disposed", async () => {
  const publisher = new StreamPublisher(connection, { clock: systemClock, timeoutMs });
  const silent = connection.subscribe("silent");
  const published = publish(publisher, "silent", few, "last");
  publisher[Symbol.dispose]();
  await expect(published).rejects.toThrow("was left");
  silent.unsubscribe();
});
