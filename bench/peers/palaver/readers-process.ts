// Readers of Palaver: its own client over connect-node, and the reader of the other benchmarks.
import { once } from "node:events";
import { connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { createPalaverClient, subscribe } from "../../../src/client/index.js";
import { SubscribeRequestSchema } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { SubscriberStream } from "../../kit/subscriber-stream.js";
import { envelope } from "../../kit/wire.js";
import { type Reading, serveReaders } from "../kit/serve-readers.js";

async function readWithClient({ url, address, from, signal, live, text }: Reading): Promise<void> {
  const sessionManager = new Http2SessionManager(url);
  const client = createPalaverClient({ transport: createGrpcTransport({ baseUrl: url, sessionManager }) });
  try {
    for await (const item of subscribe(client, { chatId: address, cursor: from, signal, maxFailures: 0 })) {
      if (item.type === "reset") throw new Error(`it began anew: ${item.reason}`);
      if (item.type !== "events") continue;
      // The cursor stands after all of them.
      let piece = "";
      for (const { event } of item.events) {
        if (event.case === "caughtUp") live();
        if (event.case !== "messagePart") continue;
        const { part } = event.value;
        piece += part?.kind.case === "text" ? part.kind.value.text : "";
      }
      if (piece !== "") text(piece, item.cursor);
    }
  } finally {
    sessionManager.abort();
  }
}

/** Hands on the text instead of a hash of it. */
class TextStream extends SubscriberStream {
  #text: (piece: string) => void = () => undefined;

  hear(text: (piece: string) => void): void {
    this.#text = text;
  }

  override messagePart(firstSeq: number, seq: number, bytes: Buffer, start: number, end: number): void {
    if (firstSeq !== this.lastSeq + 1) this.fault ??= `delta ${firstSeq} came after ${this.lastSeq}`;
    this.lastSeq = seq;
    this.#text(bytes.toString("latin1", start, end));
  }
}

async function readRaw({ url, address, signal, live, text }: Reading): Promise<void> {
  const session = connect(url, { settings: { initialWindowSize: 16 * 1024 * 1024 } });
  session.on("error", () => undefined);
  await once(session, "connect");
  session.setLocalWindowSize(64 * 1024 * 1024);
  const request = envelope(
    toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, { chatId: address })),
  );
  const hooks = { advanced: () => undefined, travelled: undefined, deltaBytes: 0 };
  const stream = new TextStream(session, { wire: "grpc", request }, hooks);
  stream.hear(text);
  signal.addEventListener("abort", () => {
    stream.leave();
    session.close();
  });
  await stream.live;
  live();
  await once(session, "close");
  if (!signal.aborted) throw new Error(stream.fault ?? "the connection ended");
}

serveReaders({ own: readWithClient, raw: readRaw });
