export type BusErrorReason = "NATS_FILE_UNREADABLE" | "NATS_REFUSED" | "NATS_UNREACHABLE";

/**
 * The bus cannot be connected. The message is for the operator: it names servers and files, never what is in them. An unreachable one may
 * be there later; for the others somebody has to act.
 */
export class BusError extends Error {
  override readonly name = "BusError";
  readonly reason: BusErrorReason;

  constructor(reason: BusErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}
