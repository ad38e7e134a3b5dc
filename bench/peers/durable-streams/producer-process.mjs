// Who appends: a program of its own, as its users have it, with the client's producer for tokens, or with each append acknowledged.
import { randomUUID } from "node:crypto";
import { DurableStream, IdempotentProducer } from "@durable-streams/client";
import { servePeer } from "../kit/serve-peer.ts";

const { DURABLE_STREAMS_URL: server = "", DURABLE_STREAMS_APPEND: append = "producer" } = process.env;

async function produce(handle, deltas) {
  const producer = new IdempotentProducer(handle, "bench", {
    autoClaim: true,
    onError: (error) => {
      throw error;
    },
  });
  for await (const delta of deltas) producer.append(JSON.stringify(delta));
  await producer.flush();
}

async function appendEach(handle, deltas) {
  for await (const delta of deltas) await handle.append(JSON.stringify(delta));
}

servePeer({
  url: server,
  prepare: async (deltas) => {
    const path = `/v1/stream/${randomUUID()}`;
    const handle = await DurableStream.create({
      url: `${server}${path}`,
      contentType: "application/json",
      ttlSeconds: 3600,
    });
    void (append === "each" ? appendEach : produce)(handle, deltas());
    return path;
  },
});
