import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { ConnectError } from "@connectrpc/connect";
import { type StatusObject, status as grpcStatus } from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";

/** gRPC's name of a code, on whatever wire it came. */
export type CodeName = Exclude<keyof typeof grpcStatus, "OK">;

/** How a call failed, the same for all wires. */
export interface RpcFailure {
  readonly code: CodeName;
  readonly message: string;
  /** Of `google.rpc.ErrorInfo`. */
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of `google.rpc.BadRequest`. */
  readonly violations: readonly { readonly field: string; readonly description: string }[];
  /** All details, by the full name of their type. */
  readonly details: readonly { readonly type: string; readonly bytes: Uint8Array }[];
  /** Who says so: the target, or this side, which could not reach it, has lost it, gave up, or cannot read what it says. */
  readonly origin: "target" | "client";
}

/** What the calls that have one answer fail with. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly failure: RpcFailure;

  constructor(failure: RpcFailure) {
    super(`${failure.code}${failure.reason === undefined ? "" : ` ${failure.reason}`}: ${failure.message}`);
    this.failure = failure;
  }
}

/** `fromTarget`: whether the target has said anything that can have been this error. */
export function failureFromConnect(error: unknown, fromTarget: boolean): RpcFailure {
  const { code, rawMessage, details } = ConnectError.from(error);
  const read = details.flatMap((detail) =>
    "type" in detail ? [{ type: detail.type, bytes: detail.value }] : [],
  );
  return describe(code, rawMessage, read, fromTarget);
}

export function failureFromGrpc({ code, details, metadata }: StatusObject): RpcFailure {
  const [bytes] = metadata.get("grpc-status-details-bin");
  const read = bytes instanceof Buffer ? detailsOfStatus(bytes) : [];
  // It says so also where there is no note.
  const message = details.replace(/ Resolution note: $/, "");
  return describe(code, message, read, !textsOfGrpcJs.test(details));
}

/** When the target's words cannot be read. */
export function unreadable(message: string): RpcFailure {
  return describe(grpcStatus.INTERNAL, message, [], false);
}

function describe(
  code: number,
  message: string,
  details: RpcFailure["details"],
  fromTarget: boolean,
): RpcFailure {
  const info = decoded(details, ErrorInfoSchema);
  return {
    code: (grpcStatus[code] ?? "UNKNOWN") as CodeName,
    message,
    reason: info?.reason,
    domain: info?.domain,
    metadata: info?.metadata ?? {},
    violations: (decoded(details, BadRequestSchema)?.fieldViolations ?? []).map(({ field, description }) => ({
      field,
      description,
    })),
    details,
    origin: fromTarget || info !== undefined ? "target" : "client",
  };
}

function decoded<Schema extends typeof ErrorInfoSchema | typeof BadRequestSchema>(
  details: RpcFailure["details"],
  schema: Schema,
) {
  const detail = details.find(({ type }) => type === schema.typeName);
  return detail === undefined ? undefined : fromBinary(schema, detail.bytes);
}

/** The `details` of a google.rpc.Status, its field 3, read by hand: the schema has no Status. */
function detailsOfStatus(bytes: Uint8Array): RpcFailure["details"] {
  const reader = new BinaryReader(bytes);
  const details: { type: string; bytes: Uint8Array }[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 3) {
      const { typeUrl, value } = fromBinary(AnySchema, reader.bytes());
      details.push({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), bytes: value });
    } else reader.skip(wireType, field);
  }
  return details;
}

// grpc-js tells what it noticed itself in the same way as what a server said. Only its texts differ, and those of the system.
const textsOfGrpcJs =
  /^(Cancelled on client|Call cancelled|Deadline exceeded after|No connection established|Connection dropped|Name resolution failed|No status information received|Channel closed before|Stream refused by server|Failed to start HTTP\/2 stream|Request message serialization failure|Received RST_STREAM|Bandwidth exhausted|Write error|(connect|read|write) E[A-Z]+)/;
