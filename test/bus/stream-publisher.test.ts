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

async function stored(): Promise<number> {
  const { streams } = await connection.jetstreamManager();
  return (await streams.info("SMALL")).state.messages;
}

it("resolves what the stream has, once for each id, however many are under way", async () => {
  using publisher = new StreamPublisher(connection, { clock: systemClock, timeoutMs });
  const ids = Array.from({ length: 500 }, (_, index) => `id-${index % 250}`);
  const before = await stored();
  await Promise.all(ids.map((id) => publisher.publish("small.a", few, id)));
  expect((await stored()) - before).toBe(250);
});

it("rejects what the stream refuses, and what no stream takes; others go through", async () => {
  using publisher = new StreamPublisher(connection, { clock: systemClock, timeoutMs });
  const outcomes = await Promise.allSettled([
    publisher.publish("small.a", Buffer.alloc(200), "large"),
    publisher.publish("elsewhere", few, "lost"),
    publisher.publish("small.a", few, "good"),
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
  const publish = (name: string): void => {
    publisher
      .publish("silent", few, name)
      .catch((error: unknown) => outcomes.push(`${name}: ${String(error)}`));
  };
  publish("first");
  clock.advance(500);
  publish("second");
  await connection.flush();
  clock.advance(1_499);
  await publisher.publish("small.a", few, "meanwhile");
  expect(outcomes).toEqual([]);
  clock.advance(1);
  await publisher.publish("small.a", few, "and then");
  const late = "Error: JetStream did not acknowledge a message within 2000 ms";
  expect(outcomes).toEqual([`first: ${late}`]);
  clock.advance(500);
  await publisher.publish("small.a", few, "at last");
  expect(outcomes).toEqual([`first: ${late}`, `second: ${late}`]);
  silent.unsubscribe();
});

it("rejects what is under way when it is disposed", async () => {
  const publisher = new StreamPublisher(connection, { clock: systemClock, timeoutMs });
  const silent = connection.subscribe("silent");
  const published = publisher.publish("silent", few, "last");
  publisher[Symbol.dispose]();
  await expect(published).rejects.toThrow("was left");
  silent.unsubscribe();
});
