export type StoreErrorReason =
  | "DATA_DIR_IN_USE"
  | "DATA_DIR_UNUSABLE"
  | "DATABASE_TOO_NEW"
  | "DATABASE_URL_INVALID"
  | "MIGRATION_CHANGED"
  | "MIGRATION_FAILED"
  | "MIGRATIONS_INVALID";

/**
 * The store cannot be opened as it stands, and somebody has to act: the message says what to do. It is for the
 * operator (it names folders and processes), never for a client.
 */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly reason: StoreErrorReason;

  constructor(reason: StoreErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}
