export type StartErrorReason =
  | "ADDRESS_NOT_AVAILABLE"
  | "DEV_MODE_NEEDS_LOOPBACK"
  | "PORT_IN_USE"
  | "PORT_NOT_PERMITTED"
  | "RELAY_CERTIFICATE_INVALID"
  | "RELAY_FILE_UNREADABLE";

/** The server cannot start as it is set up, and somebody has to act: the message, for the operator, says what to do. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly reason: StartErrorReason;

  constructor(reason: StartErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}
