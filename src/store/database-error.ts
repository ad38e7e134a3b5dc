export interface DatabaseErrorDetails {
  readonly code?: string | undefined;
  readonly constraint?: string | undefined;
  readonly table?: string | undefined;
  readonly column?: string | undefined;
  readonly statement?: string | undefined;
  readonly retryable?: boolean;
  readonly maybeCommitted?: boolean;
  readonly cause?: unknown;
}

/**
 * What any failure of the database looks like, whichever engine and driver it came from.
 *
 * Neither the message nor the cause quotes parameter values or the connection string: it may be logged. A driver's
 * error that may quote values (SQLSTATE classes 22, 23 and unknown ones) is not kept as the cause.
 */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  /** The SQLSTATE, or undefined when no server answered. */
  readonly code: string | undefined;
  /** The violated constraint. */
  readonly constraint: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
  /** The name of the statement that failed. */
  readonly statement: string | undefined;
  /** Nothing is wrong with the request: the same work may succeed later, or on another connection. */
  readonly retryable: boolean;
  /**
   * The connection was lost where a commit may already have happened. Repeat only what may happen twice, or look first.
   * When false, nothing was committed.
   */
  readonly maybeCommitted: boolean;

  constructor(message: string, details: DatabaseErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.constraint = details.constraint;
    this.table = details.table;
    this.column = details.column;
    this.statement = details.statement;
    this.retryable = details.retryable ?? false;
    this.maybeCommitted = details.maybeCommitted ?? false;
  }
}

/** This process asks the database for nothing any more; another one may. */
export function noLonger(what: string): DatabaseError {
  return new DatabaseError(`database: ${what}`, { retryable: true });
}

/** Where an error arose, which decides what can be said about the commit. */
export type FailedPhase = "connecting" | "in transaction" | "committing";

/**
 * Translates what a driver threw. `committing` covers every statement outside a transaction.
 *
 * Errors are told apart by their `code` alone, never by class or message: PGlite and pg share nothing else.
 */
export function toDatabaseError(error: unknown, phase: FailedPhase, statement?: string): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const fields = readFields(error);
  const { code, constraint, table, column, routine } = fields;
  const where = statement === undefined ? "" : ` in statement "${statement}"`;

  if (code !== undefined && isSqlState(code)) {
    const lost = isConnectionLoss(code);
    const quotable = QUOTABLE_CLASSES.has(code.slice(0, 2));
    const subject = [constraint && `constraint "${constraint}"`, column && `column "${column}"`].filter(
      Boolean,
    );
    const what = quotable ? fields.message : (NAMED_CODES.get(code) ?? "error");
    return new DatabaseError(`database: ${what}${where} (${[code, ...subject].join(", ")})`, {
      code,
      constraint,
      table,
      column,
      statement,
      retryable: lost || isRetryable(code) || isStalePlan(code, routine),
      maybeCommitted: lost && phase === "committing",
      cause: quotable ? error : undefined,
    });
  }

  // No SQLSTATE: the server did not answer. The driver's own errors (connection terminated, time-outs) have no code at
  // all; a code that is none of the network's is a fault that will stay, such as a certificate that does not match.
  const network = code === undefined || NETWORK_CODES.has(code);
  const what = fields.message === "" ? (code ?? "unknown failure") : fields.message;
  const prefix =
    phase === "connecting" ? "cannot connect to the database" : "lost the connection to the database";
  return new DatabaseError(`${prefix}${where}: ${what}`, {
    statement,
    retryable: network,
    maybeCommitted: phase === "committing",
    cause: error,
  });
}

/** Whether the transaction was rolled back for a conflict with another, and may simply run again. */
export function isConflict(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === "40001" || error.code === "40P01");
}

/** Whether the connection on which this driver error arose must not be used again. */
export function spoilsConnection(error: unknown): boolean {
  if (error instanceof DatabaseError) return false; // our own row decoder threw: the connection is in order
  const { code, routine } = readFields(error);
  if (code === undefined || !isSqlState(code)) return true;
  // 25006: a former primary that became read-only. 26000: somebody deallocated our prepared statements.
  return isConnectionLoss(code) || code === "25006" || code === "26000" || isStalePlan(code, routine);
}

function isConnectionLoss(code: string): boolean {
  // 08: connection exceptions. 57P01..57P05: shutdown, crash, starting up, dropped, idle. 25P03/25P04: timed out in a transaction.
  return /^(08...|57P0[1-5]|25P03|25P04)$/.test(code);
}

function isRetryable(code: string): boolean {
  // 53: out of connections, memory or disk. 57014: statement_timeout. 55P03: lock not available.
  return code.startsWith("53") || ["40001", "40P01", "57014", "55P03", "25006", "26000"].includes(code);
}

/** "cached plan must not change result type": a migration changed a table under a prepared statement. */
function isStalePlan(code: string, routine: string | undefined): boolean {
  return code === "0A000" && routine === "RevalidateCachedQuery";
}

/** Classes whose messages name objects and states of the server, never values. */
const QUOTABLE_CLASSES: ReadonlySet<string> = new Set([
  "08",
  "0A",
  "25",
  "26",
  "28",
  "3D",
  "3F",
  "40",
  "42",
  "53",
  "54",
  "55",
  "57",
  "58",
  "XX",
]);

/** Words for the commonest codes whose messages are not quoted. */
const NAMED_CODES: ReadonlyMap<string, string> = new Map([
  ["22001", "value too long"],
  ["22003", "number out of range"],
  ["22021", "text with characters that Postgres cannot store"],
  ["22P02", "malformed value"],
  ["22P05", "text with characters that Postgres cannot store"],
  ["23502", "missing value"],
  ["23503", "reference to a missing row"],
  ["23505", "duplicate"],
  ["23514", "check failed"],
  ["23P01", "conflict with an existing row"],
]);

const NETWORK_CODES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT", // the Unix socket of a server that is not up
]);

/** Whether a server (or the embedded engine as one) refused, rather than failed to answer. */
export function hasSqlState(error: unknown): boolean {
  const { code } = readFields(error);
  return code !== undefined && isSqlState(code);
}

function isSqlState(code: string): boolean {
  // EPIPE has five characters too; no SQLSTATE class begins with E.
  return /^[0-9A-Z]{5}$/.test(code) && !code.startsWith("E");
}

interface DriverFields {
  readonly message: string;
  readonly code: string | undefined;
  readonly constraint: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
  readonly routine: string | undefined;
}

function readFields(error: unknown): DriverFields {
  const fields = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  const text = (key: string): string | undefined => {
    const value = fields[key];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  return {
    message: text("message") ?? "",
    code: text("code"),
    constraint: text("constraint"),
    table: text("table"),
    column: text("column"),
    routine: text("routine"),
  };
}
