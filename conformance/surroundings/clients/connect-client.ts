import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  MessageShape,
} from "@bufbuild/protobuf";
import { type Transport } from "@connectrpc/connect";
import { createNodeHttpClient, Http2SessionManager } from "@connectrpc/connect-node";
import type { CommonTransportOptions, UniversalClientFn } from "@connectrpc/connect/protocol";
import { createTransport as createConnectTransport } from "@connectrpc/connect/protocol-connect";
import { createTransport as createGrpcWebTransport } from "@connectrpc/connect/protocol-grpc-web";
import {
  type Call,
  type CallOptions,
  type ClientOptions,
  type Input,
  onlyAnswer,
  RecordedCall,
  type RpcClient,
} from "./call.js";
import { inputsOf } from "./inputs.js";
import { failureFromConnect } from "./rpc-failure.js";
import { type Pausing, tapped } from "./tapped-http.js";
import type { Wire } from "./wires.js";

/** gRPC-Web and Connect, over HTTP/1.1 and HTTP/2, as Connect's library for Node speaks them. */
export class ConnectClient implements RpcClient {
  readonly #wire: Wire;
  readonly #baseUrl: string;
  readonly #options: ClientOptions;
  readonly #http: UniversalClientFn;
  readonly #close: () => void;

  constructor(wire: Wire, url: string, options: ClientOptions) {
    this.#wire = wire;
    this.#baseUrl = url;
    this.#options = options;
    if (wire.httpVersion === "2") {
      const session = new Http2SessionManager(url);
      this.#http = createNodeHttpClient({ httpVersion: "2", sessionProvider: () => session });
      this.#close = () => session.abort();
    } else {
      const agent = new (url.startsWith("https:") ? HttpsAgent : HttpAgent)({ keepAlive: true });
      this.#http = createNodeHttpClient({ httpVersion: "1.1", nodeOptions: { agent } });
      this.#close = () => agent.destroy();
    }
  }

  call<M extends DescMethod>(
    method: M,
    input: Input<M>,
    options: CallOptions = {},
  ): Call<MessageShape<M["output"]>> {
    const recorded = new RecordedCall<MessageShape<M["output"]>>(method, this.#options);
    const leaving = new AbortController();
    const pausing = new Gate();
    recorded.begin({
      cancel: () => {
        leaving.abort();
        pausing.set(false);
      },
      setPaused: (paused) => pausing.set(paused && !leaving.signal.aborted),
    });
    void this.#run(method, input, options, { recorded, leaving, pausing });
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
    this.#close();
  }

  async #run<M extends DescMethod>(
    method: M,
    input: Input<M>,
    { headers, timeoutMs }: CallOptions,
    { recorded, leaving, pausing }: Running<MessageShape<M["output"]>>,
  ): Promise<void> {
    const transport = this.#transport(recorded, pausing);
    const header = { ...this.#options.headers, ...headers };
    const { signal } = leaving;
    try {
      if (method.methodKind === "unary") {
        if (Symbol.asyncIterator in input) throw new Error(`${recorded.path} takes one message`);
        const unary = method as DescMethodUnary<DescMessage, M["output"]>;
        const { message } = await transport.unary(unary, signal, timeoutMs, header, input);
        recorded.recordMessage(message);
      } else {
        const streaming = method as DescMethodStreaming<DescMessage, M["output"]>;
        const { message } = await transport.stream(streaming, signal, timeoutMs, header, inputsOf(input));
        for await (const each of message) {
          if (signal.aborted) break;
          recorded.recordMessage(each);
          await pausing.open();
        }
      }
      recorded.recordEnd(undefined);
    } catch (error) {
      // What the target says of the end has been recorded before: trailers and the like, or an HTTP status that is an error.
      const fromTarget = recorded.frames.some(
        (frame) =>
          frame.kind === "trailers" || (frame.kind === "headers" && frame.headers[":status"] !== "200"),
      );
      recorded.recordEnd(failureFromConnect(error, fromTarget));
    } finally {
      // Nothing of it is left open, however it ended.
      leaving.abort();
    }
  }

  #transport(recorded: RecordedCall<unknown>, pausing: Pausing): Transport {
    const { claim } = this.#wire;
    const options: CommonTransportOptions = {
      httpClient: tapped(this.#http, recorded, pausing),
      baseUrl: this.#baseUrl,
      useBinaryFormat: claim !== "connect+json",
      interceptors: [],
      // Frames are recorded as they come: they are to be readable.
      acceptCompression: [],
      sendCompression: null,
      compressMinBytes: 0,
      // Limits are the target's.
      readMaxBytes: 0xffffffff,
      writeMaxBytes: 0xffffffff,
    };
    return claim === "grpc-web" ? createGrpcWebTransport(options) : createConnectTransport(options);
  }
}

interface Running<Message> {
  readonly recorded: RecordedCall<Message>;
  readonly leaving: AbortController;
  readonly pausing: Pausing;
}

/** Open, unless somebody pauses. */
class Gate implements Pausing {
  #opened: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  set(paused: boolean): void {
    if (paused && this.#opened === undefined) {
      let resolve = (): void => undefined;
      const promise = new Promise<void>((settle) => (resolve = settle));
      this.#opened = { promise, resolve };
    } else if (!paused) {
      this.#opened?.resolve();
      this.#opened = undefined;
    }
  }

  open(): Promise<void> {
    return this.#opened?.promise ?? Promise.resolve();
  }
}
