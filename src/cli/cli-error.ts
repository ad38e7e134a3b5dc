import { type ExitCode, exitCode } from "./exit-code.js";

/** A failure that a command reports itself. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** UPPER_SNAKE_CASE; shown in brackets. */
  readonly reason: string;
  /** What to do about it: a whole sentence. */
  readonly advice: string | undefined;
  readonly exitCode: ExitCode;

  /** A failure that was reported on already, with its cause for PALAVER_DEBUG. */
  static from(
    { message, reason, advice, exitCode }: Pick<CliError, "message" | "reason" | "advice" | "exitCode">,
    cause: unknown,
  ): CliError {
    return new CliError(message, { reason, advice, exitCode, cause });
  }

  constructor(
    message: string,
    options: { reason: string; advice?: string | undefined; exitCode?: ExitCode; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.reason = options.reason;
    this.advice = options.advice;
    this.exitCode = options.exitCode ?? exitCode.failed;
  }
}

/** The command line is wrong in a way that its parser cannot see. */
export function usageError(message: string, advice?: string): CliError {
  return new CliError(message, { reason: "USAGE", advice, exitCode: exitCode.usage });
}
