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
  type UniversalServerRequest,
} from "@connectrpc/connect/protocol";
import { type Deliverable, deliver, type EnvelopeOf } from "../fanout/index.js";
import type { Clock, Logger, Random } from "../platform/index.js";
import { type Call, noteFailure } from "./call.js";
import { endOnAbort } from "./end-on-abort.js";
import type { HttpResponse } from "./listener.js";
import type { OpenStreams } from "./open-streams.js";
import { readSingleMessage } from "./read-single-message.js";
import { unsendable } from "./refusals.js";
import { type ErrorContext, toRpcError } from "./rpc-error.js";
import { StreamResponse } from "./stream-response.js";
import { type StreamWire, streamWires } from "./stream-wire.js";
import { validate } from "./validate-interceptor.js";

/**
 * A method that answers one message with many, as its service implements it. What an implementation returns in the end goes on without it: a stream
 * that lives long needs none of what its beginning took.
 */
export interface ServerStream {
  readonly method: DescMethodServerStreaming;
  readonly implementation: (
    request: Message,
    context: HandlerContext,
  ) => AsyncIterable<MessageInit, LiveStream | undefined>;
}

/** The rest of a stream: what becomes ready, until the stream's signal aborts. Disposed of at the end. */
export interface LiveStream<T = unknown> {
  readonly source: Deliverable<T> & Disposable;
  readonly envelopeOf: EnvelopeOf<T>;
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

/** Answers a call; undefined where the request is none on any wire of streams. Rejects where not even a failure could be told. */
export type ServerStreamHandler = (
  request: UniversalServerRequest,
  call: Call,
  response: HttpResponse,
) => Promise<void> | undefined;

/**
 * Answers the calls of one server-streaming method as Connect's own handler would, on all wires, but for what a stream costs: there it is made
 * of a dozen async iterables, four signals and six sets of headers, all of which stay for as long as it is open. Here a stream that is live keeps
 * its HTTP stream, what it delivers, and how it is to end.
 *
 * Compression and timeout were checked before (`headerFault`). Every failure is an RPC error with a reason. A stream ends at once when its
 * signal aborts, whatever its implementation does about that.
 */
export function serverStreamHandler(
  { method, implementation }: ServerStream,
  options: ServerStreamOptions,
): ServerStreamHandler {
  const { streams, maxMessageBytes, maxTimeoutMs, compressions, compressMinBytes, clock } = options;
  const serialization = createMethodSerializationLookup(method, undefined, undefined, {
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: options.maxResponseBytes,
  });
  const validator = createValidator();

  async function answer(
    request: UniversalServerRequest,
    call: Call,
    response: HttpResponse,
    { wire, isBinary }: { readonly wire: StreamWire; readonly isBinary: boolean },
  ): Promise<void> {
    const { contextValues: values = createContextValues() } = request;
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
    const { signal } = call.controller;
    const body = new StreamResponse(response, isBinary ? "binary" : "json");
    const errors = { logger: options.logger, random: options.random, method: call.method, signal };
    const open = streams.add(call.controller, call.credential, timeoutMs);
    const end: StreamEnd = { call, wire, body, open, errors, trailer: undefined };
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

    let live: LiveStream | undefined;
    async function* respond(): AsyncGenerator<MessageInit> {
      const message = await readSingleMessage(request.body as AsyncIterable<Uint8Array>, {
        limitBytes: maxMessageBytes,
        compression: compression.request,
        serialization: serialization.getI(isBinary),
        endFlag: wire.endFlag,
      });
      validate(validator, method.input, message);
      const rest = yield* implementation(message, context);
      if (signal.aborted) rest?.source[Symbol.dispose]();
      else live = rest;
    }

    const envelopeOf = async (message: MessageInit): Promise<Uint8Array> => {
      let data: Uint8Array;
      try {
        data = serialization.getO(isBinary).serialize(messageOf(method.output, message));
      } catch (error) {
        throw unsendable(error as ConnectError, { ...options, ...errors });
      }
      const envelope = await envelopeCompress({ flags: 0, data }, compression.response, compressMinBytes);
      return encodeEnvelope(envelope.flags, envelope.data);
    };

    const responses = endOnAbort(respond(), signal, { mapError: (error) => failureOf(error, end) });
    let failure: ConnectError | undefined;
    try {
      for await (const message of responses) {
        const envelope = await envelopeOf(message);
        body.begin(header);
        await body.send(envelope, signal);
      }
      body.begin(header);
    } catch (error) {
      failure = failureOf(error, end);
      live?.source[Symbol.dispose]();
    }
    const last = [...trailer].length === 0 ? end : { ...end, trailer };
    if (live !== undefined && failure === undefined) return goOn(live, last);
    finish(last, failure, header);
  }

  return (request, call, response) => {
    if (call.wire === "connect" || request.method !== "POST") return undefined;
    const wire = streamWires[call.wire];
    const isBinary = wire.isBinary(request.header.get("content-type"));
    return isBinary === undefined ? undefined : answer(request, call, response, { wire, isBinary });
  };
}

/** All that a stream needs in order to end. */
interface StreamEnd {
  readonly call: Call;
  readonly wire: StreamWire;
  readonly body: StreamResponse;
  /** What watches over it. */
  readonly open: Disposable;
  readonly errors: ErrorContext & { readonly signal: AbortSignal };
  /** Undefined: its implementation has set none. */
  readonly trailer: Headers | undefined;
}

/** A function of its own, so that nothing of the call's beginning stays with the stream. */
function goOn({ source, envelopeOf }: LiveStream, end: StreamEnd): void {
  const { signal } = end.errors;
  deliver(source, end.body, { signal, envelopeOf }).then(
    () => {
      source[Symbol.dispose]();
      finish(end, failureOf(signal.reason, end));
    },
    (error: unknown) => {
      source[Symbol.dispose]();
      finish(end, failureOf(error, end));
    },
  );
}

/** `header`: the headers, if they may still have to be sent. */
function finish(
  { wire, body, open, trailer = new Headers() }: StreamEnd,
  failure?: ConnectError,
  header?: Headers,
): void {
  open[Symbol.dispose]();
  if (header !== undefined) body.begin(header);
  const last = wire.end(failure, trailer);
  body.end(last, wire.endsInTrailers ? trailer : undefined);
}

/** What the client is told. */
function failureOf(error: unknown, { call, errors }: StreamEnd): ConnectError {
  const outgoing = toRpcError(error, errors);
  // A client that leaves is no failure: the log tells it at the level of calls that went well.
  return outgoing.code === Code.Canceled ? outgoing : noteFailure(call, outgoing);
}
