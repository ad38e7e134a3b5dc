// A UI message stream of the AI SDK over node:http. It has no fan-out: each request makes a stream of its own.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { createUIMessageStream, pipeUIMessageStreamToResponse } from "ai";
import { servePeer } from "../kit/serve-peer.ts";

const sources = new Map();

const server = createServer(async (request, response) => {
  const { id: chatId } = JSON.parse(await text(request));
  const deltas = sources.get(chatId);
  const stream = createUIMessageStream({
    execute: async ({ writer }) => {
      const id = "text-1";
      writer.write({ type: "start" });
      writer.write({ type: "text-start", id });
      for await (const delta of deltas()) writer.write({ type: "text-delta", id, delta });
      writer.write({ type: "text-end", id });
      writer.write({ type: "finish" });
    },
    onError: (error) => {
      throw error;
    },
  });
  pipeUIMessageStreamToResponse({ response, stream });
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

servePeer({
  url: `http://127.0.0.1:${server.address().port}`,
  prepare: async (deltas) => {
    const id = randomUUID();
    sources.set(id, deltas);
    return id;
  },
});
