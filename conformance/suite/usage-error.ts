/** The command line, the manifest or the baseline is wrong; the message says what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
