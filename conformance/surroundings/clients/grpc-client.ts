import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import {
  type Call,
  type CallOptions,
  type ClientOptions,
  type Input,
  onlyAnswer,
  pathOf,
  RecordedCall,
  type RpcClient,
  type WireHeaders,
} from "./call.js";
import { inputsOf } from "./inputs.js";
import { failureFromGrpc, unreadable } from "./rpc-failure.js";

/** gRPC as its own library for Node speaks it, which shares no code with the other wires. */
export class GrpcClient implements RpcClient {
  readonly #client: grpc.Client;
  readonly #options: ClientOptions;

  constructor(url: string, options: ClientOptions) {
    const { host, protocol } = new URL(url);
    const credentials =
      protocol === "https:" ? grpc.credentials.createSsl() : grpc.credentials.createInsecure();
    this.#options = options;
    this.#client = new grpc.Client(host, credentials, {
      // Each client has connections of its own, and takes answers of any size: limits are the target's.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": -1,
      "grpc.enable_retries": 0,
    });
  }

  call<M extends DescMethod>(
    method: M,
    input: Input<M>,
    options: CallOptions = {},
  ): Call<MessageShape<M["output"]>> {
    const recorded = new RecordedCall<MessageShape<M["output"]>>(method, this.#options);
    const deadline = options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs };
    // On the wire all four kinds of calls are the same.
    const stream = this.#client.makeBidiStreamRequest(
      pathOf(method),
      (message: MessageInitShape<M["input"]>) =>
        Buffer.from(toBinary(method.input, create(method.input, message))),
      (bytes: Buffer) => bytes,
      metadataOf({ ...this.#options.headers, ...options.headers }),
      deadline,
    );
    // Of messages it would take 16 off the wire before a pause is felt, however large they are.
    (stream as unknown as ReadableSide)._readableState.highWaterMark = 1;
    recorded.begin({
      cancel: () => stream.cancel(),
      // grpc-js asks HTTP/2 for the next message when this stream wants one.
      setPaused: (paused) => {
        if (paused) stream.pause();
        else stream.resume();
      },
    });
    let status: grpc.StatusObject | undefined;
    let isRead = false;
    const finish = (): void => {
      if (status === undefined || recorded.end !== undefined) return;
      const failure = status.code === grpc.status.OK ? undefined : failureFromGrpc(status);
      // The target's end comes after its messages, also after those that this side has taken and not read yet.
      if (!isRead && failure?.origin !== "client") return;
      if (failure?.origin !== "client") recorded.recordTrailers(headersOf(status.metadata));
      recorded.recordEnd(failure);
    };
    stream.on("metadata", (metadata: grpc.Metadata) => recorded.recordHeaders(headersOf(metadata)));
    stream.on("data", (bytes: Buffer) => {
      if (recorded.end !== undefined) return;
      recorded.recordBytes("binary", bytes);
      try {
        recorded.recordMessage(fromBinary(method.output, bytes) as MessageShape<M["output"]>);
      } catch (error) {
        recorded.recordEnd(unreadable(`a message cannot be decoded: ${String(error)}`));
        stream.cancel();
      }
    });
    stream.on("end", () => {
      isRead = true;
      finish();
    });
    // The status says the same, also where there is no error.
    stream.on("error", () => undefined);
    stream.on("status", (received: grpc.StatusObject) => {
      status = received;
      finish();
    });
    void send(stream, inputsOf(input), () => status !== undefined);
    return recorded;
  }

  unary<M extends DescMethod>(
    method: M,
    input: Input<M>,
    options?: CallOptions,
  ): Promise<MessageShape<M["output"]>> {
    return onlyAnswer(this.call(method, input, options));
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** How many messages a stream of grpc-js keeps ready; its constructor does not let anybody choose. */
interface ReadableSide {
  readonly _readableState: { highWaterMark: number };
}

/** Sends the messages one after the other, each when the one before is on its way, until the call is over. */
async function send<T>(
  stream: grpc.ClientDuplexStream<T, Buffer>,
  messages: AsyncIterable<T>,
  isOver: () => boolean,
): Promise<void> {
  try {
    for await (const message of messages) {
      if (isOver()) return;
      await new Promise<void>((resolve) => {
        stream.once("status", () => resolve());
        stream.write(message, () => resolve());
      });
    }
    stream.end();
  } catch {
    // The messages cannot be made: a call that ends in the middle of its request.
    stream.cancel();
  }
}

function metadataOf(headers: WireHeaders): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

function headersOf(metadata: grpc.Metadata): WireHeaders {
  return Object.fromEntries(
    Object.keys(metadata.getMap()).map((name) => [name, metadata.get(name).map(String).join(", ")]),
  );
}
