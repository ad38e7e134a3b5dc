import { existsSync } from "node:fs";
import { type Config, describeDatabase } from "../config/index.js";
import { createLogger } from "../platform/index.js";
import { type Replica, startReplica } from "../replica.js";
import { version } from "../version.js";
import type { CommandContext } from "./command.js";
import { configFor, type DatabaseOptions } from "./open-database.js";
import { colorsFor, writeJsonLine } from "./terminal.js";

export interface ServeOptions extends DatabaseOptions {
  readonly listen?: string;
  readonly json?: true;
}

/** Runs a replica until a signal stops it. A second signal does not wait. */
export async function serve(context: CommandContext, options: ServeOptions): Promise<void> {
  const { env, stdout, stderr } = context;
  const say = (text: string): void => {
    if (options.json !== true) stdout.write(text);
  };
  context.outliveReaders();
  const config = configFor(context, options);
  // At a terminal, what is printed here says enough of a healthy server.
  const isQuiet = stderr.isTTY === true && (env["PALAVER_LOG_LEVEL"] ?? "") === "";
  const logger = createLogger(isQuiet ? "warn" : config.logLevel);

  let signals = 0;
  const { promise: stopped, resolve: stop } = deferred();
  const onSignal = (code: number) => (): void => {
    signals += 1;
    if (signals > 1) return context.exitNow(code);
    say("stopping… (once more: at once)\n");
    stop();
  };
  using _interrupt = context.onInterrupt(onSignal(130));
  using _terminate = context.onTerminate(onSignal(143));

  if (config.database.kind === "pglite") {
    say(
      existsSync(config.database.folder)
        ? "opening the database…\n"
        : "preparing the database (once, some seconds)…\n",
    );
  }
  const replica = await startReplica(config, { logger });
  if (options.json === true) writeJsonLine(stdout, { url: replica.url, id: replica.id });
  else stdout.write(welcome(config, replica, context));
  await stopped;
  await replica.stop({ graceMs: config.shutdownGraceMs });
  say("stopped\n");
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** What a person wants to know about the server that has just started, and what to do next. */
function welcome(config: Config, { url }: Replica, { stdout, env }: CommandContext): string {
  const colors = colorsFor(stdout, env);
  const { defaultModel } = config.models;
  const facts = [
    ["listening", url],
    ["database", describeDatabase(config.database)],
    [
      "model",
      defaultModel.startsWith("scripted/")
        ? `${defaultModel} (offline; set a provider's key and PALAVER_MODEL for a real one)`
        : defaultModel,
    ],
    ["auth", config.auth === "none" ? "none (development: this machine only)" : "tokens"],
  ] as const;
  const lines = facts.map(([name, value]) => `  ${colors.dim(name.padEnd(9))} ${value}`);
  const option = url === "http://127.0.0.1:7717" ? "" : ` --url ${url}`;
  const token = config.auth === "tokens" ? " --token TOKEN" : "";
  const beforehand =
    config.auth === "tokens"
      ? `Make a token:  npx palaver token create${config.database.kind === "pglite" ? "   (while the server is stopped)" : ""}\n`
      : "";
  return `\n${colors.bold(`Palaver ${version}`)}\n${lines.join("\n")}\n\n${beforehand}Try:  npx palaver chat${option}${token} "hello"\nCtrl-C stops the server.\n\n`;
}
