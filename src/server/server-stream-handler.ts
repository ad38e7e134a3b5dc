import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescService,
  isMessage,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import {
  Code,
  type ConnectError,
  createContextValues,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import {
  type Compression,
  compressionNegotiate,
  createMethodSerializationLookup,
  encodeEnvelope,
  envelopeCompress,
  type UniversalHandler,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import type { Clock, Logger, Random } from "../platform/index.js";
import { callKey, noteFailure } from "./call.js";
import { endOnAbort } from "./end-on-abort.js";
import type { OpenStreams } from "./open-streams.js";
import { readSingleMessage } from "./read-single-message.js";
import { unsendable } from "./refusals.js";
import { toRpcError } from "./rpc-error.js";
import { type StreamWire, streamWires } from "./stream-wire.js";
import { validate } from "./validate-interceptor.js";
import { wireOf } from "./wire.js";

/** A method that answers one message with many, as its service implements it. */
export interface ServerStream {
  readonly method: DescMethodServerStreaming;
  readonly implementation: (request: Message, context: HandlerContext) => AsyncIterable<MessageInit>;
}

/** Those that the service implements. */
export function serverStreamsOf<Desc extends DescService>(
  service: Desc,
  implementations: Partial<ServiceImpl<Desc>>,
): ServerStream[] {
  const known = implementations as Readonly<Record<string, unknown>>;
  return service.methods.flatMap((method) => {
    const implementation = known[method.localName];
    if (!isServerStreaming(method) || typeof implementation !== "function") return [];
    // What it takes and returns is what the schema says, which the types of a list cannot tell.
    return [{ method, implementation: implementation.bind(known) as ServerStream["implementation"] }];
  });
}

type MessageInit = MessageInitShape<DescMessage>;

/** Implementations may give the fields of a message alone. */
function messageOf(schema: DescMessage, init: MessageInit): Message {
  return isMessage(init, schema) ? init : create(schema, init);
}

function isServerStreaming(method: DescMethod): method is DescMethodServerStreaming {
  return method.methodKind === "server_streaming";
}

export interface ServerStreamOptions {
  readonly streams: OpenStreams;
  /** One message of a request, as it is decoded. */
  readonly maxMessageBytes: number;
  readonly maxResponseBytes: number;
  readonly maxTimeoutMs: number;
  readonly compressions: Compression[];
  /** Smaller messages are not compressed. */
  readonly compressMinBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
}

/**
 * Answers the calls of one server-streaming method as Connect's own handler would, on all wires, but for what a stream costs: there it is made
 * of a dozen async iterables, four signals and six sets of headers, all of which stay for as long as it is open.
 *
 * What is no call of the method is left to `connect`, which refuses it; compression and timeout were checked before (`headerFault`). Every
 * failure is an RPC error with a reason. A stream ends at once when its signal aborts, whatever its implementation does about that.
 */
export function serverStreamHandler(
  connect: UniversalHandler,
  { method, implementation }: ServerStream,
  options: ServerStreamOptions,
): UniversalHandler {
  const { streams, maxMessageBytes, maxTimeoutMs, compressions, compressMinBytes, clock } = options;
  const serialization = createMethodSerializationLookup(method, undefined, undefined, {
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: options.maxResponseBytes,
  });
  const validator = createValidator();

  function answer(
    request: UniversalServerRequest,
    wire: StreamWire,
    isBinary: boolean,
  ): UniversalServerResponse {
    const { contextValues: values = createContextValues() } = request;
    const call = values.get(callKey);
    call.understood = true;
    const compression = compressionNegotiate(
      compressions,
      request.header.get(wire.compressionHeader),
      request.header.get(wire.acceptCompressionHeader),
      wire.acceptCompressionHeader,
    );
    const header = new Headers({ "content-type": isBinary ? wire.binaryType : wire.jsonType });
    if (compression.response !== null) header.set(wire.compressionHeader, compression.response.name);
    const trailer = new Headers();

    const timeoutMs = wire.timeoutMs(request.header, maxTimeoutMs);
    const stream = streams.open(request.signal, call.credential, timeoutMs);
    const { signal } = stream;
    const context: HandlerContext = {
      method,
      service: method.parent,
      protocolName: wire.protocolName,
      requestMethod: request.method,
      url: request.url,
      signal,
      timeoutMs: () =>
        timeoutMs === undefined ? undefined : timeoutMs - (clock.monotonicMs() - call.startedMs),
      requestHeader: request.header,
      responseHeader: header,
      responseTrailer: trailer,
      values,
    };
    const errorContext = { ...options, method: call.method, signal };
    const mapError = (error: unknown): ConnectError => {
      const outgoing = toRpcError(error, errorContext);
      // A client that leaves is no failure: the log tells it at the level of calls that went well.
      return outgoing.code === Code.Canceled ? outgoing : noteFailure(call, outgoing);
    };

    async function* respond(): AsyncGenerator<MessageInit> {
      const message = await readSingleMessage(request.body as AsyncIterable<Uint8Array>, {
        limitBytes: maxMessageBytes,
        compression: compression.request,
        serialization: serialization.getI(isBinary),
        endFlag: wire.endFlag,
      });
      validate(validator, method.input, message);
      yield* implementation(message, context);
    }

    const envelopeOf = async (response: MessageInit): Promise<Uint8Array> => {
      let data: Uint8Array;
      try {
        data = serialization.getO(isBinary).serialize(messageOf(method.output, response));
      } catch (error) {
        throw unsendable(error as ConnectError, errorContext);
      }
      const envelope = await envelopeCompress({ flags: 0, data }, compression.response, compressMinBytes);
      return encodeEnvelope(envelope.flags, envelope.data);
    };

    async function* write(): AsyncGenerator<Uint8Array> {
      const responses = endOnAbort(respond(), signal, { mapError, ended: () => stream[Symbol.dispose]() });
      const iterator = responses[Symbol.asyncIterator]();
      let failure: ConnectError | undefined;
      try {
        for (;;) {
          // What fails while it is written is the client's connection, and there is nobody to tell.
          const envelope = await iterator
            .next()
            .then((result) => (result.done === true ? undefined : envelopeOf(result.value)))
            .catch((error: unknown) => {
              failure = mapError(error);
              return undefined;
            });
          if (envelope === undefined) break;
          yield envelope;
        }
      } finally {
        void iterator.return?.();
      }
      const last = wire.end(failure, trailer);
      if (last !== undefined) yield last;
    }

    return { status: 200, header, body: write(), ...(wire.endsInTrailers && { trailer }) };
  }

  const handle = async (request: UniversalServerRequest): Promise<UniversalServerResponse> => {
    const name = wireOf(request.header);
    if (name === "connect" || request.method !== "POST") return connect(request);
    const wire = streamWires[name];
    const isBinary = wire.isBinary(request.header.get("content-type"));
    return isBinary === undefined ? connect(request) : answer(request, wire, isBinary);
  };
  return Object.assign(handle, connect);
}
