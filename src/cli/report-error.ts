import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { PalaverError } from "../protocol/index.js";
import { CliError } from "./cli-error.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { safeText } from "./terminal-text.js";

/** A failure as people read it, and what the process says to other programs. */
export interface ErrorReport {
  /** What happened. */
  readonly message: string;
  /** Stable, for searching and for scripts. */
  readonly reason: string;
  /** What to do, where we know. */
  readonly advice: string | undefined;
  readonly exitCode: ExitCode;
}

/** What to do about reasons that servers give. */
const adviceByReason: Readonly<Record<string, string>> = {
  CHAT_BUSY: "Wait for the turn, end it with `npx palaver stop CHAT`, or send with --when-busy queue.",
  CHAT_NOT_FOUND: "`npx palaver ls` lists your chats.",
  FILE_TOO_LARGE: "Send a part of it, or a smaller version.",
  INVALID_CREDENTIAL: "Make a new token with `npx palaver token create`.",
  CREDENTIAL_REVOKED: "Make a new token with `npx palaver token create`.",
  MISSING_CREDENTIAL: "Pass it with --token or in PALAVER_TOKEN; `npx palaver token create` makes one.",
  NOT_RUNNING: "There is nothing to stop.",
  QUEUE_FULL: "Wait for the turn, or make room with `npx palaver queue CHAT --delete N`.",
  QUEUED_MESSAGE_NOT_FOUND: "`npx palaver queue CHAT` lists what waits.",
  UNKNOWN_MODEL: "Name another one with --model, as provider/model, or none for the server's default.",
};

/** What to do about reasons that arise here; most of their messages say so themselves. */
const adviceHere: Readonly<Record<string, string>> = {
  INVALID_CONFIGURATION:
    "docs/configuration.md describes all variables; `npx palaver doctor` shows the values in effect.",
  NATS_UNREACHABLE:
    "Is nats-server running, and is NATS_URL right? A server starts without it and connects later.",
  PORT_IN_USE:
    "Choose another one where it is set: --listen (PALAVER_LISTEN), PALAVER_RELAY_LISTEN or PALAVER_METRICS_LISTEN.",
};

/** Makes a report of whatever was thrown. */
export function reportOf(error: unknown, url?: string): ErrorReport {
  if (error instanceof CliError) return error;
  if (error instanceof ConnectError) return reportOfCall(error, url);
  if (PalaverError.is(error))
    return reportHere(error, error.category === "invalid_argument" ? exitCode.usage : exitCode.failed);
  // StoreError, StartError, DatabaseError: known by what they carry, so that small commands need not load those rooms.
  if (hasReason(error)) return reportHere(error, exitCode.usage);
  if (error instanceof Error && error.name === "DatabaseError") {
    const advice = "Is the database running, and is DATABASE_URL right?";
    return { message: error.message, reason: "DATABASE_ERROR", advice, exitCode: exitCode.failed };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    message,
    reason: "UNEXPECTED",
    advice: "PALAVER_DEBUG=1 shows where it happened.",
    exitCode: exitCode.failed,
  };
}

function hasReason(error: unknown): error is Error & { reason: string } {
  return error instanceof Error && "reason" in error && typeof error.reason === "string";
}

function reportHere({ message, reason }: { message: string; reason: string }, code: ExitCode): ErrorReport {
  return { message, reason, advice: adviceHere[reason], exitCode: code };
}

function reportOfCall(error: ConnectError, url = "the server"): ErrorReport {
  const reason = reasonOf(error);
  if (reason !== undefined) {
    const isChatId = reason === "INVALID_REQUEST" && violatesChatId(error);
    const advice = adviceByReason[isChatId ? "CHAT_NOT_FOUND" : reason];
    return { message: error.rawMessage, reason, advice, exitCode: exitCode.failed };
  }
  if (isUnreachable(error)) {
    const why = connectionErrorCode(error);
    return {
      message: `Cannot reach ${url}${why === undefined ? "" : ` (${why})`}.`,
      reason: "SERVER_UNREACHABLE",
      advice: "Is the server running? Start it with: npx palaver serve",
      exitCode: exitCode.unreachable,
    };
  }
  if (isConnectionLost(error)) {
    return {
      message: `The connection to ${url} was lost.`,
      reason: "CONNECTION_LOST",
      advice: "What was asked for may have been done: look before you repeat it.",
      exitCode: exitCode.unreachable,
    };
  }
  // Without a reason of ours, whoever answered is no Palaver server, or something stands in between.
  const code = (Code as Partial<Record<Code, string>>)[error.code] ?? String(error.code);
  return {
    message: `${url} does not answer like a Palaver server: ${error.rawMessage} (${code})`,
    reason: "UNEXPECTED_ANSWER",
    advice: "Check --url and PALAVER_URL.",
    exitCode: exitCode.unreachable,
  };
}

function violatesChatId(error: ConnectError): boolean {
  return error
    .findDetails(BadRequestSchema)
    .some(({ fieldViolations }) => fieldViolations.some(({ field }) => field === "chat_id"));
}

/** The stable reason that a server gave; undefined for errors of the transport. */
export function reasonOf(error: ConnectError): string | undefined {
  return error.findDetails(ErrorInfoSchema)[0]?.reason;
}

/** Whether no answer came from a server at all. */
export function isUnreachable(error: ConnectError): boolean {
  return error.code === Code.Unavailable || connectionErrorCode(error) !== undefined;
}

/**
 * Whether a call ended without an answer. A server that dies leaves streams that end as cancelled, or with whatever code the HTTP/2
 * reset stands for; what a server says itself always has a reason.
 */
export function isConnectionLost(error: ConnectError): boolean {
  return (
    reasonOf(error) === undefined &&
    [Code.Canceled, Code.Aborted, Code.Internal, Code.Unknown].includes(error.code)
  );
}

/** The system's name for what went wrong on the way, for example ECONNREFUSED. */
function connectionErrorCode(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (typeof code === "string" && /^E[A-Z0-9_]+$/.test(code)) return code;
  }
  return undefined;
}

/** A report as the lines for standard error. */
export function formatReport({ message, reason, advice }: ErrorReport): string {
  return `${safeText(message)} [${safeText(reason)}]\n${advice === undefined ? "" : `  ${advice}\n`}`;
}
