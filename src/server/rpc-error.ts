import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import type { Logger, Random } from "../platform/index.js";
import { type ErrorCategory, type FieldViolation, PalaverError } from "../protocol/index.js";
import { DatabaseError } from "../store/index.js";

/** Who defines the reasons: the `domain` of every ErrorInfo that leaves this server (ERR-1). */
export const errorDomain = "palaver.dev";

export interface RpcErrorOptions {
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly fieldViolations?: readonly FieldViolation[] | undefined;
  /** Headers that go with the error. */
  readonly header?: Readonly<Record<string, string>> | undefined;
  /** For the log only: it never leaves the server. */
  readonly cause?: unknown;
}

/**
 * An RPC error as every wire carries it: code, text, ErrorInfo and, where fields are at fault, BadRequest.
 *
 * gRPC sends all of it, twice, in headers, which clients limit to as little as 8 KiB: texts are cut, and of many faulty
 * fields only the first are named.
 */
export function rpcError(
  code: Code,
  reason: string,
  message: string,
  options: RpcErrorOptions = {},
): ConnectError {
  const { metadata = {}, fieldViolations = [], header, cause } = options;
  const details: OutgoingDetail[] = [
    { desc: ErrorInfoSchema, value: { reason, domain: errorDomain, metadata: { ...metadata } } },
  ];
  if (fieldViolations.length > 0) {
    const violations = fieldViolations.slice(0, 10).map(({ field, description }) => ({
      field: cut(field, 128),
      description: cut(description, 128),
      reason,
    }));
    details.push({ desc: BadRequestSchema, value: { fieldViolations: violations } });
  }
  return new ConnectError(
    cut(message, 512),
    code,
    header === undefined ? undefined : { ...header },
    details,
    cause,
  );
}

type OutgoingDetail = NonNullable<ConstructorParameters<typeof ConnectError>[3]>[number];

/** At most `max` UTF-16 units, well formed: gRPC's encoding of messages throws on half a surrogate pair. */
function cut(text: string, max: number): string {
  return (text.length <= max ? text : `${text.slice(0, max - 1)}…`).toWellFormed();
}

/** The reason in the error's ErrorInfo; undefined when it has none of ours. */
export function reasonOf(error: ConnectError): string | undefined {
  return error.findDetails(ErrorInfoSchema).find((info) => info.domain === errorDomain)?.reason;
}

/** What {@link toRpcError} needs to know of the call. */
export interface ErrorContext {
  readonly logger: Logger;
  readonly random: Random;
  /** `package.Service/Method`, for the log. */
  readonly method: string;
  /** The call's signal: what goes wrong after an abort is told as the abort. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The one place where failures become RPC errors.
 *
 * What was not meant for a caller becomes `internal` / `INTERNAL` with an `error_id`; the failure itself is logged under
 * that id and goes no further.
 */
export function toRpcError(error: unknown, context: ErrorContext): ConnectError {
  if (error instanceof PalaverError) return fromPalaverError(error, context);
  if (error instanceof ConnectError && reasonOf(error) !== undefined) return error;
  if (context.signal?.aborted === true) return abortToRpcError(context.signal.reason);
  if (error instanceof DatabaseError && error.retryable) return databaseUnavailable(error, context);
  // A service leaves out a method: Connect's router answers for it.
  if (error instanceof ConnectError && error.code === Code.Unimplemented) {
    return rpcError(Code.Unimplemented, "UNIMPLEMENTED", "This server does not implement this method.", {
      cause: error,
    });
  }
  return internalError(error, context);
}

/** Why a call was aborted: our own reason if it was one, else its deadline, else the caller. */
export function abortToRpcError(reason: unknown): ConnectError {
  if (reason instanceof ConnectError) {
    if (reasonOf(reason) !== undefined) return reason;
    if (reason.code === Code.DeadlineExceeded) {
      return deadlineExceeded(reason);
    }
  }
  return rpcError(Code.Canceled, "CANCELLED", "The caller has cancelled the call.", { cause: reason });
}

/** The time that the caller gave a call is over. */
export function deadlineExceeded(cause?: unknown): ConnectError {
  return rpcError(Code.DeadlineExceeded, "DEADLINE_EXCEEDED", "The call's deadline has passed.", { cause });
}

/** `internal` / `INTERNAL` under a fresh error id; logs the failure with that id. */
export function internalError(error: unknown, { logger, random, method }: ErrorContext): ConnectError {
  const errorId = random.uuid();
  logger.error({ err: error, error_id: errorId, method }, "call failed");
  return rpcError(
    Code.Internal,
    "INTERNAL",
    `Something went wrong inside the server. Its log says more under error id ${errorId}.`,
    {
      metadata: { error_id: errorId },
      cause: error,
    },
  );
}

function fromPalaverError(error: PalaverError, { logger, random, method }: ErrorContext): ConnectError {
  let metadata = error.metadata;
  if (error.category === "internal") {
    const errorId = random.uuid();
    logger.error({ err: error, error_id: errorId, method }, "call failed");
    metadata = { ...metadata, error_id: errorId };
  }
  return rpcError(codes[error.category], error.reason, error.message, {
    metadata,
    fieldViolations: error.fieldViolations,
    cause: error,
  });
}

function databaseUnavailable(error: DatabaseError, { logger, random, method }: ErrorContext): ConnectError {
  const errorId = random.uuid();
  logger.warn({ err: error, error_id: errorId, method }, "call failed: the database is not available");
  return rpcError(
    Code.Unavailable,
    "DATABASE_UNAVAILABLE",
    "The database does not answer at the moment. Try again later.",
    {
      // Whoever repeats a call that may have been committed needs its idempotency key.
      metadata: { error_id: errorId, ...(error.maybeCommitted ? { maybe_committed: "true" } : {}) },
      cause: error,
    },
  );
}

const codes: Readonly<Record<ErrorCategory, Code>> = {
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  failed_precondition: Code.FailedPrecondition,
  resource_exhausted: Code.ResourceExhausted,
  unauthenticated: Code.Unauthenticated,
  permission_denied: Code.PermissionDenied,
  unavailable: Code.Unavailable,
  unimplemented: Code.Unimplemented,
  internal: Code.Internal,
};
