import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  ChatService,
  SubscribeRequestSchema,
  type SubscribeResponse,
} from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { contentTypes, envelope, subscribePath } from "./wire.js";

const headBytes = 5;

/** gRPC by hand, for what is measured from a call to what it leads to: a stock client costs more than the server. */
export class LightClient implements Disposable {
  readonly #session: ClientHttp2Session;

  constructor(url: string) {
    this.#session = connect(url);
    // Whoever waits for an answer is told there.
    this.#session.on("error", () => undefined);
  }

  /** Resolves when the server has answered; of the answer only its status counts. */
  async call<Method extends "sendMessage" | "interruptChat">(
    method: Method,
    request: MessageInitShape<(typeof ChatService.method)[Method]["input"]>,
  ): Promise<void> {
    const { name, input } = ChatService.method[method];
    const stream = this.#session.request(headersOf(`/${ChatService.typeName}/${name}`));
    let status: unknown;
    const note = (headers: Record<string, unknown>): void => void (status = headers["grpc-status"] ?? status);
    stream.on("response", note).on("trailers", note);
    stream.end(envelope(toBinary(input, create(input, request as never))));
    stream.resume();
    await once(stream, "end");
    if (status !== "0") throw new Error(`${name} was answered with status ${String(status)}`);
  }

  /** Yields what has arrived, with the time when it did. */
  async *subscribe(
    chatId: string,
  ): AsyncGenerator<{ readonly arrivedMs: number; readonly response: SubscribeResponse }> {
    const stream = this.#session.request(headersOf(subscribePath));
    stream.end(envelope(toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, { chatId }))));
    let rest = Buffer.alloc(0);
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const arrivedMs = performance.now();
        rest = Buffer.concat([rest, chunk]);
        while (rest.length >= headBytes) {
          const end = headBytes + rest.readUInt32BE(1);
          if (rest.length < end) break;
          const response = fromBinary(ChatService.method.subscribe.output, rest.subarray(headBytes, end));
          rest = rest.subarray(end);
          yield { arrivedMs, response };
        }
      }
    } finally {
      stream.close();
    }
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

function headersOf(path: string): Record<string, string> {
  return { ":method": "POST", ":path": path, "content-type": contentTypes.grpc, te: "trailers" };
}
