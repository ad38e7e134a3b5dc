/** What a failure means to the caller, in the words of gRPC status codes. */
export type ErrorCategory =
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "failed_precondition"
  | "resource_exhausted"
  | "unauthenticated"
  | "permission_denied"
  | "unavailable"
  | "unimplemented"
  | "internal";

export interface FieldViolation {
  /** The path of the field in the request, for example `parts[0].text`. */
  readonly field: string;
  readonly description: string;
}

/**
 * A failure with a stable reason. Every error that leaves the server is one of these; `reason` is part of the contract,
 * `message` is for people and holds no stack, SQL, host, path or key (ERR-1). What went wrong inside goes into `cause`, which is logged only.
 */
export class PalaverError extends Error {
  override readonly name = "PalaverError";
  readonly category: ErrorCategory;
  /** UPPER_SNAKE_CASE, stable: what programs branch on. */
  readonly reason: string;
  /** Ids and limits needed to act on the error. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly fieldViolations: readonly FieldViolation[];

  constructor(
    category: ErrorCategory,
    reason: string,
    message: string,
    options: {
      metadata?: Readonly<Record<string, string>>;
      fieldViolations?: readonly FieldViolation[];
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.category = category;
    this.reason = reason;
    this.metadata = options.metadata ?? {};
    this.fieldViolations = options.fieldViolations ?? [];
  }

  static is(error: unknown): error is PalaverError {
    return error instanceof PalaverError;
  }
}

/** The request itself is wrong: `field` says where. */
export function invalidArgument(reason: string, field: string, description: string): PalaverError {
  return new PalaverError("invalid_argument", reason, `${field}: ${description}`, {
    fieldViolations: [{ field, description }],
  });
}
