import type { Command } from "commander";
import { type ClientConfig, loadClientConfig, Secret } from "../config/index.js";
import { PalaverError } from "../protocol/index.js";
import { CliError, usageError } from "./cli-error.js";
import { connect, type Connection } from "./connection.js";
import { reportOf } from "./report-error.js";
import type { Surroundings } from "./terminal.js";

/** The options of every command that talks to a server. */
export interface ClientOptions {
  readonly url?: string;
  readonly token?: string;
  readonly json?: true;
}

/** Adds {@link ClientOptions} to a command. */
export function withClientOptions(command: Command): Command {
  return command
    .option("--url <url>", "the server (default: $PALAVER_URL, or http://127.0.0.1:7717)")
    .option("--token <token>", "the API token (default: $PALAVER_TOKEN)")
    .option("--json", "print JSON, one value per line, for programs");
}

/** Runs a command's work with a connection that ends with it. Failures name the server that was called. */
export async function withConnection<T>(
  surroundings: Surroundings,
  options: ClientOptions,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { url, token } = clientAccess(surroundings, options);
  using connection = connect({ url, token });
  try {
    return await work(connection);
  } catch (error) {
    throw CliError.from(reportOf(error, url), error);
  }
}

/** Which server to talk to, and as whom. Options win over the environment. */
export function clientAccess(
  { env }: Surroundings,
  { url, token }: ClientOptions,
): { url: string; token: Secret | undefined } {
  const config = url === undefined ? loadClientConfig(env) : configWithUrl(env, url);
  return { url: config.url, token: token === undefined ? config.token : new Secret(token) };
}

/** @throws CliError USAGE, which blames the option and not the variable that it stands in for */
function configWithUrl(env: NodeJS.ProcessEnv, url: string): ClientConfig {
  if (url === "") throw usageError("--url: expected a URL, for example http://127.0.0.1:7717");
  try {
    return loadClientConfig({ ...env, PALAVER_URL: url });
  } catch (error) {
    const wrong = PalaverError.is(error)
      ? error.fieldViolations.find(({ field }) => field === "PALAVER_URL")
      : undefined;
    throw wrong === undefined ? error : usageError(`--url: ${wrong.description}`);
  }
}
