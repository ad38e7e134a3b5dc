import { Code, ConnectError } from "@connectrpc/connect";
import {
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  createEndStreamSerialization,
  endStreamFlag,
  errorFromJsonBytes,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { reasonOf } from "./rpc-error.js";
import { setGrpcStatus, tidyGrpcMessage, type Wire } from "./wire.js";

/**
 * Sees to it that every error in a response of Connect's handlers carries ErrorInfo (ERR-1): Connect raises some errors where
 * no interceptor sees them, such as a message that cannot be decoded or is too large to be sent. `explain` is asked for the
 * error to send instead of one that has no reason.
 *
 * Connect's own errors are short, so they are never compressed; a compressed error is one of ours and complete.
 */
export async function completeErrors(
  wire: Wire,
  response: UniversalServerResponse,
  explain: (error: ConnectError) => ConnectError,
): Promise<UniversalServerResponse> {
  const { body } = response;
  if (body === undefined) return response;
  const completed = (error: ConnectError | undefined): ConnectError | undefined =>
    error === undefined || reasonOf(error) !== undefined ? undefined : explain(error);

  switch (wire) {
    case "connect":
      return response.status === 200 ? response : completeUnary({ ...response, body }, completed);
    case "connect-stream":
      return {
        ...response,
        body: mapLastEnvelope(body, endStreamFlag, (data) => completeEndStream(data, completed)),
      };
    case "grpc-web":
      return {
        ...response,
        body: mapLastEnvelope(body, trailerFlag, (data) => completeTrailerFrame(data, completed)),
      };
    case "grpc": {
      const { trailer } = response;
      // The adapter reads the trailers when the body has ended.
      return trailer === undefined
        ? response
        : { ...response, body: atEnd(body, () => completeTrailer(trailer, completed)) };
    }
    default:
      return wire satisfies never;
  }
}

type Completed = (error: ConnectError | undefined) => ConnectError | undefined;

async function completeUnary(
  response: UniversalServerResponse & { body: AsyncIterable<Uint8Array> },
  completed: Completed,
): Promise<UniversalServerResponse> {
  const header = new Headers(response.header);
  if (header.has("content-encoding")) return response;
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const error = completed(errorFromJsonBytes(bytes, undefined, new ConnectError("", Code.Unknown)));
  if (error === undefined) return { ...response, body: once(bytes) };
  const completeBytes = errorToJsonBytes(error, undefined);
  header.set("content-length", String(completeBytes.byteLength));
  return { status: codeToHttpStatus(error.code), header, body: once(completeBytes) };
}

const endStream = createEndStreamSerialization(undefined);

function completeEndStream(data: Uint8Array, completed: Completed): Uint8Array | undefined {
  const end = endStream.parse(data);
  const error = completed(end.error);
  // The trailers stand in the old error's metadata already.
  return error && endStream.serialize({ metadata: end.metadata, error });
}

function completeTrailerFrame(data: Uint8Array, completed: Completed): Uint8Array {
  const trailer = trailerParse(data);
  completeTrailer(trailer, completed);
  return trailerSerialize(trailer);
}

/** Changes `trailer` in place. */
function completeTrailer(trailer: Headers, completed: Completed): void {
  const error = completed(findTrailerError(trailer));
  if (error === undefined) tidyGrpcMessage(trailer);
  else setGrpcStatus(trailer, error);
}

/**
 * Rewrites the envelope with the flag `lastFlag`, unless `rewrite` returns undefined or it is compressed. Relies on Connect's
 * handing on one envelope per chunk.
 */
function mapLastEnvelope(
  body: AsyncIterable<Uint8Array>,
  lastFlag: number,
  rewrite: (data: Uint8Array) => Uint8Array | undefined,
): AsyncIterable<Uint8Array> {
  return mapResults(body, (result) => {
    if (result.done === true || result.value[0] !== lastFlag) return result;
    const data = rewrite(result.value.subarray(5));
    return data === undefined ? result : { done: false, value: encodeEnvelope(lastFlag, data) };
  });
}

function atEnd(body: AsyncIterable<Uint8Array>, ended: () => void): AsyncIterable<Uint8Array> {
  return mapResults(body, (result) => {
    if (result.done === true) ended();
    return result;
  });
}

/** The same iterable with its results mapped. `throw` and `return` go through to it, which Connect's pipelines rely on. */
function mapResults<T>(
  source: AsyncIterable<T>,
  map: (result: IteratorResult<T>) => IteratorResult<T>,
): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => {
      const inner: AsyncIterator<T> = source[Symbol.asyncIterator]();
      const throwInner = inner.throw?.bind(inner);
      const returnInner = inner.return?.bind(inner);
      return {
        next: async () => map(await inner.next()),
        ...(throwInner && { throw: throwInner }),
        ...(returnInner && { return: returnInner }),
      };
    },
  };
}

function once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  return createAsyncIterable([bytes]);
}
