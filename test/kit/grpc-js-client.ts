import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  create,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";

type MethodOf<S extends DescService, Name extends keyof S["method"]> = S["method"][Name];
type Input<S extends DescService, Name extends keyof S["method"]> = MessageInitShape<
  MethodOf<S, Name>["input"]
>;
type Output<S extends DescService, Name extends keyof S["method"]> = MessageShape<
  MethodOf<S, Name>["output"]
>;

/**
 * A gRPC client that shares no code with our server, for any service of the schema. Errors are grpc-js' own: `code`, `details`,
 * `metadata`.
 */
export class GrpcJsClient<S extends DescService> implements Disposable {
  readonly #service: S;
  readonly #client: grpc.Client;

  constructor(service: S, url: string, credentials = grpc.credentials.createInsecure()) {
    this.#service = service;
    this.#client = new grpc.Client(new URL(url).host, credentials);
  }

  unary<Name extends keyof S["method"] & string>(
    name: Name,
    input: Input<S, Name>,
    { header = {}, ...options }: grpc.CallOptions & { header?: Record<string, string> } = {},
  ): Promise<Output<S, Name>> {
    const { path, serialize, deserialize } = this.#definition(name);
    return new Promise((resolve, reject) => {
      const metadata = metadataFrom(header);
      this.#client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        input,
        metadata,
        options,
        (error, output) => {
          if (error === null && output !== undefined) resolve(output);
          else reject(error ?? new Error("neither error nor answer"));
        },
      );
    });
  }

  /** Iterate over it; `cancel()` leaves. */
  serverStream<Name extends keyof S["method"] & string>(
    name: Name,
    input: Input<S, Name>,
    { header = {}, ...options }: grpc.CallOptions & { header?: Record<string, string> } = {},
  ): grpc.ClientReadableStream<Output<S, Name>> {
    const { path, serialize, deserialize } = this.#definition(name);
    return this.#client.makeServerStreamRequest(
      path,
      serialize,
      deserialize,
      input,
      metadataFrom(header),
      options,
    );
  }

  /** Sends the inputs one after the other, each when the one before is on its way. */
  clientStream<Name extends keyof S["method"] & string>(
    name: Name,
    inputs: Iterable<Input<S, Name>> | AsyncIterable<Input<S, Name>>,
    { header = {}, ...options }: grpc.CallOptions & { header?: Record<string, string> } = {},
  ): Promise<Output<S, Name>> {
    const { path, serialize, deserialize } = this.#definition(name);
    const sending = new AbortController();
    return new Promise((resolve, reject) => {
      const call = this.#client.makeClientStreamRequest(
        path,
        serialize,
        deserialize,
        metadataFrom(header),
        options,
        (error, output) => {
          sending.abort();
          if (error === null && output !== undefined) resolve(output);
          else reject(error ?? new Error("neither error nor answer"));
        },
      );
      // Whatever goes wrong while we send, the answer says why.
      pipeline(Readable.from(inputs), call as unknown as NodeJS.WritableStream, {
        signal: sending.signal,
      }).catch(() => undefined);
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #definition<Name extends keyof S["method"] & string>(name: Name) {
    const method = this.#service.method[name];
    if (method === undefined) throw new Error(`${this.#service.typeName} has no method ${name}`);
    return {
      path: `/${this.#service.typeName}/${method.name}`,
      serialize: (input: Input<S, Name>): Buffer =>
        Buffer.from(toBinary(method.input, create(method.input, input))),
      deserialize: (bytes: Buffer) => fromBinary(method.output, bytes) as Output<S, Name>,
    };
  }
}

function metadataFrom(header: Record<string, string>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(header)) metadata.set(name, value);
  return metadata;
}
