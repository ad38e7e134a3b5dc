// The floor: what carries the same bytes with nothing but node:http2, every message encoded once beforehand.
import { once } from "node:events";
import { connect, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { answerParent } from "../kit/answer-parent.js";
import { stepText } from "../kit/delta-text.js";
import { followModel } from "../kit/follow-model.js";
import type { PacedPlan } from "../kit/paced-model.js";
import type { StepShape } from "../kit/scripts.js";
import { envelope, subscribePath } from "../kit/wire.js";
import { encodeCaughtUp, encodeDeltas } from "./encode.js";

const streams = new Set<ServerHttp2Stream>();
/** What a new subscriber gets at once. */
let greeting = encodeCaughtUp();

const server = createServer({ settings: { maxConcurrentStreams: 4096 } });
server.on("session", (session) => {
  session.on("error", () => session.destroy());
});
server.on("sessionError", () => undefined);
server.on("stream", (stream, headers) => {
  stream.on("error", () => undefined);
  stream.once("close", () => streams.delete(stream));
  stream.respond({ ":status": 200, "content-type": headers["content-type"] ?? "" });
  stream.write(greeting);
  streams.add(stream);
  stream.resume();
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

function writeAll(bytes: Buffer): void {
  for (const stream of streams) stream.write(bytes);
}

/** Says a step, all that comes at once in one write for each subscriber. */
async function play({ deltas, deltaBytes, intervalMs, atOnce = 1 }: StepShape): Promise<void> {
  const text = stepText(deltas, deltaBytes);
  const encoded = Array.from({ length: deltas }, (_, index) =>
    encodeDeltas(index + 1, index + 1, text.slice(index * deltaBytes, (index + 1) * deltaBytes)),
  );
  for (let at = 0; at < deltas; at += atOnce) {
    writeAll(Buffer.concat(encoded.slice(at, at + atOnce)));
    await sleep(intervalMs);
  }
}

/** Says what a model says, as it comes. */
async function follow({ url, plan }: { url: string; plan: PacedPlan }): Promise<void> {
  let seq = 0;
  for await (const text of followModel(url, plan)) {
    seq += 1;
    writeAll(encodeDeltas(seq, seq, text));
  }
}

/** From now on says what another floor says, its bytes passed through. */
async function relayFrom({ url }: { url: string }): Promise<void> {
  const session = connect(url);
  await once(session, "connect");
  const upstream = session.request({
    ":method": "POST",
    ":path": subscribePath,
    "content-type": "application/grpc+proto",
  });
  upstream.end(envelope(new Uint8Array()));
  const greeted = once(upstream, "data");
  await greeted;
  upstream.on("data", writeAll);
}

answerParent({
  url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  play,
  follow,
  relayFrom,
  /** New subscribers find so many deltas, merged. */
  backlog: ({ deltas, deltaBytes }: { deltas: number; deltaBytes: number }) => {
    greeting = Buffer.concat([encodeDeltas(1, deltas, stepText(deltas, deltaBytes)), encodeCaughtUp()]);
  },
});
