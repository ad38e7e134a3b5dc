/** What the exit codes of all commands mean. */
export const exitCode = {
  ok: 0,
  /** The server refused or failed, or a turn failed. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** No server answered. */
  unreachable: 3,
  /** The conformance suite itself failed; what 1 to 3 mean of it, its help says. */
  suiteFailed: 4,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
