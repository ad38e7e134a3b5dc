// resumable-stream as its documentation has it: one route that begins a stream or goes on with it, and Redis.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { createResumableStreamContext } from "resumable-stream";
import { servePeer } from "../kit/serve-peer.ts";

const context = createResumableStreamContext({ waitUntil: null });
const sources = new Map();

function sse(deltas) {
  const iterator = deltas()[Symbol.asyncIterator]();
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(`data: ${JSON.stringify(value)}\n\n`);
    },
  });
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const id = pathname.slice(1);
  const resumeAt = searchParams.get("resumeAt");
  const stream = await context.resumableStream(
    id,
    () => sse(sources.get(id)),
    resumeAt === null ? undefined : Number(resumeAt),
  );
  if (!stream) return response.writeHead(422).end("Stream is already done");
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  const body = Readable.fromWeb(stream);
  response.once("close", () => body.destroy());
  body.on("error", () => response.destroy()).pipe(response);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

servePeer({
  url: `http://127.0.0.1:${server.address().port}`,
  prepare: async (deltas) => {
    const id = randomUUID();
    sources.set(id, deltas);
    return `/${id}`;
  },
});
