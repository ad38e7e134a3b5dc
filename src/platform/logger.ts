import { type Logger as PinoLogger, pino } from "pino";

/** Structured logs. Fields never hold contents of chats, keys, tokens or connection strings. */
export type Logger = Pick<PinoLogger, "debug" | "info" | "warn" | "error"> & {
  child(bindings: Record<string, unknown>): Logger;
};

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Logs JSON lines to standard error: standard output belongs to commands. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: null,
      redact: {
        paths: [
          "*.authorization",
          "*.apiKey",
          "*.token",
          "*.requestBodyValues",
          "err.requestBodyValues",
          "err.cause.requestBodyValues",
        ],
        censor: "[redacted]",
      },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

export const silentLogger: Logger = pino({ level: "silent" });
