import { InvalidArgumentError } from "commander";
import { parseDuration } from "../config/index.js";
import type { Database, TokenRecord } from "../store/index.js";
import { CliError } from "./cli-error.js";
import { type AddCommand, type CommandContext, examples } from "./command.js";
import { configFor, type DatabaseOptions, openDatabase } from "./open-database.js";
import { type Cell, formatAge, renderTable } from "./table.js";
import { safeLine } from "./terminal-text.js";
import { colorsFor, widthOf, writeJsonLine } from "./terminal.js";

interface TokenOptions extends DatabaseOptions {
  readonly json?: true;
}

interface CreateOptions extends TokenOptions {
  readonly owner: string;
  readonly name?: string;
  readonly admin?: true;
  readonly expires?: number;
}

export const addTokenCommand: AddCommand = (program, context) => {
  const token = program
    .command("token")
    .description("make, list and revoke API tokens, in the database itself")
    .addHelpText(
      "after",
      examples(
        "palaver token create --owner ada --expires 90d",
        "palaver token ls",
        "palaver token revoke 0123456789abcdef",
      ) +
        "\nThe embedded database serves one process at a time: stop the server first. With DATABASE_URL it may run.",
    );

  withDatabaseOptions(
    token.command("create").description("make a token and print it: it is shown once and kept nowhere"),
  )
    .option(
      "--owner <owner>",
      "whose chats it opens; tokens with the same owner see the same chats",
      parseOwner,
      "default",
    )
    .option("--name <name>", "what to call it (default: the owner)")
    .option("--admin", "may read and interrupt everybody's chats")
    .option(
      "--expires <duration>",
      "good for this long, for example 12h or 90d (default: for good)",
      parseLifetime,
    )
    .action((options: CreateOptions) =>
      withTokens(context, options, async (database) => {
        const { stdout, stderr, clock, random } = context;
        const { createToken } = await import("../server/index.js");
        const { token: text, id, secretHash } = createToken(random);
        const expiresAt =
          options.expires === undefined ? undefined : new Date(clock.now().getTime() + options.expires);
        const { owner, name = owner, admin } = options;
        const { insertToken } = await import("../store/index.js");
        const record = await insertToken(database, {
          id,
          name,
          owner,
          role: admin === true ? "admin" : "user",
          secretHash,
          expiresAt,
        });
        if (options.json === true) return writeJsonLine(stdout, { token: text, ...record });
        stdout.write(`${text}\n`);
        stderr.write(
          `Shown this once. Use it with --token or PALAVER_TOKEN; revoke it with: npx palaver token revoke ${id}\n`,
        );
      }),
    );

  withDatabaseOptions(token.command("ls").description("list the tokens, without their secrets")).action(
    (options: TokenOptions) =>
      withTokens(context, options, async (database) => {
        const { listTokens } = await import("../store/index.js");
        const tokens = await listTokens(database);
        if (options.json === true) for (const record of tokens) writeJsonLine(context.stdout, record);
        else if (tokens.length === 0)
          context.stderr.write("There are no tokens. Make one: npx palaver token create\n");
        else context.stdout.write(renderTable(tokenRows(tokens, context), widthOf(context.stdout)));
      }),
  );

  withDatabaseOptions(
    token.command("revoke").description("revoke a token for good; takes effect within seconds"),
  )
    .argument("<id>", "the token's id: the part between plv_ and the second _")
    .action((id: string, options: TokenOptions) =>
      withTokens(context, options, async (database) => {
        const { revokeToken } = await import("../store/index.js");
        if (!(await revokeToken(database, id))) {
          throw new CliError("There is no token with this id.", {
            reason: "TOKEN_NOT_FOUND",
            advice: "`npx palaver token ls` lists them.",
          });
        }
        if (options.json === true) writeJsonLine(context.stdout, { id });
        else context.stdout.write(`revoked ${safeLine(id)}\n`);
      }),
    );
};

function withDatabaseOptions<C extends { option(flags: string, description: string): C }>(command: C): C {
  return command
    .option("--data-dir <folder>", "the data folder (default: $PALAVER_DATA_DIR)")
    .option("--json", "print JSON, for programs");
}

/** Opens the database for work on tokens, bringing it up to date first: the first token may be older than the first start. */
async function withTokens(
  context: CommandContext,
  options: TokenOptions,
  work: (database: Database) => Promise<void>,
): Promise<void> {
  await using database = await openDatabase(configFor(context, options));
  const { migrate } = await import("../store/index.js");
  await migrate(database);
  await work(database);
}

function tokenRows(tokens: readonly TokenRecord[], { stdout, env, clock }: CommandContext): Cell[][] {
  const colors = colorsFor(stdout, env);
  const now = clock.now();
  const heading = ["ID", "OWNER", "ROLE", "STATE", "USED", "NAME"].map((text) => ({
    text,
    paint: colors.dim,
  }));
  const rows = tokens.map((record): Cell[] => [
    { text: record.id },
    { text: safeLine(record.owner) },
    { text: record.role },
    { text: stateOf(record, now) },
    { text: record.lastUsedAt === undefined ? "never" : formatAge(record.lastUsedAt, now) },
    { text: safeLine(record.name) },
  ]);
  return [heading, ...rows];
}

function stateOf({ revokedAt, expiresAt }: TokenRecord, now: Date): string {
  if (revokedAt !== undefined) return "revoked";
  if (expiresAt === undefined) return "good";
  return expiresAt <= now ? "expired" : `good until ${expiresAt.toISOString().slice(0, 10)}`;
}

function parseOwner(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("expected a name");
  return text;
}

function parseLifetime(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0)
    throw new InvalidArgumentError("expected a duration with its unit, for example 12h or 90d");
  return ms;
}
