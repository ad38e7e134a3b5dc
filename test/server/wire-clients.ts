import { fromBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import type { ServiceError } from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";

/** Every way in which connect-node's clients can call the server. */
export const wires = [
  "connect-json-h1",
  "connect-binary-h1",
  "connect-json-h2",
  "connect-binary-h2",
  "grpc",
  "grpc-web-h1",
  "grpc-web-h2",
] as const;

export type WireName = (typeof wires)[number];

export interface WireClient extends Disposable {
  readonly chat: Client<typeof ChatService>;
  readonly transport: Transport;
}

export function connectWire(wire: WireName, baseUrl: string): WireClient {
  const sessionManager = wire.endsWith("-h1") ? undefined : new Http2SessionManager(baseUrl);
  const http =
    sessionManager === undefined
      ? { httpVersion: "1.1" as const }
      : { httpVersion: "2" as const, sessionManager };
  const transport = transportFor(wire, { baseUrl, ...http });
  return {
    chat: createClient(ChatService, transport),
    transport,
    [Symbol.dispose]: () => sessionManager?.abort(),
  };
}

function transportFor(
  wire: WireName,
  options: { baseUrl: string } & (
    | { httpVersion: "1.1" }
    | { httpVersion: "2"; sessionManager: Http2SessionManager }
  ),
): Transport {
  switch (wire) {
    case "connect-json-h1":
    case "connect-json-h2":
      return createConnectTransport({ ...options, useBinaryFormat: false });
    case "connect-binary-h1":
    case "connect-binary-h2":
      return createConnectTransport({ ...options, useBinaryFormat: true });
    case "grpc":
      return createGrpcTransport(options);
    case "grpc-web-h1":
    case "grpc-web-h2":
      return createGrpcWebTransport(options);
  }
}

/** What a caller can tell of an error, whatever its client. */
export interface SeenError {
  readonly code: string;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Record<string, string>;
  /** Field paths. */
  readonly fields: string[];
}

/** The error with which `call` fails. */
export async function errorOf(call: Promise<unknown>): Promise<SeenError> {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!("error" in outcome)) throw new Error(`expected an error, got ${JSON.stringify(outcome.value)}`);
  return seen(outcome.error);
}

export function seen(error: unknown): SeenError {
  if (error instanceof ConnectError) {
    const [info] = error.findDetails(ErrorInfoSchema);
    const [badRequest] = error.findDetails(BadRequestSchema);
    return {
      code: Code[error.code],
      message: error.rawMessage,
      reason: info?.reason,
      domain: info?.domain,
      metadata: info?.metadata ?? {},
      fields: badRequest?.fieldViolations.map((violation) => violation.field) ?? [],
    };
  }
  return seenByGrpcJs(error as ServiceError);
}

function seenByGrpcJs({ code, details, metadata }: ServiceError): SeenError {
  const [bytes] = metadata.get("grpc-status-details-bin");
  const anys = bytes instanceof Buffer ? statusDetails(bytes) : [];
  const info = anys.map((any) => anyUnpack(any, ErrorInfoSchema)).find((each) => each !== undefined);
  const badRequest = anys.map((any) => anyUnpack(any, BadRequestSchema)).find((each) => each !== undefined);
  return {
    code: codeNames.get(code) ?? String(code),
    message: details,
    reason: info?.reason,
    domain: info?.domain,
    metadata: info?.metadata ?? {},
    fields: badRequest?.fieldViolations.map((violation) => violation.field) ?? [],
  };
}

/** The `details` of a google.rpc.Status, its field 3, read by hand: the schema has no Status. */
function statusDetails(bytes: Uint8Array): Any[] {
  const reader = new BinaryReader(bytes);
  const details: Any[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 3) details.push(fromBinary(AnySchema, reader.bytes()));
    else reader.skip(wireType, field);
  }
  return details;
}

/** gRPC's numbers are the same in both libraries, but not to the compiler. */
const codeNames = new Map<number, string>(
  Object.entries(Code).map(([name, number]) => [Number(number), name]),
);
