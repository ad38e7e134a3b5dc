import { toJson } from "@bufbuild/protobuf";
import { InvalidArgumentError, Option } from "commander";
import { type Chat, ChatSchema } from "../gen/palaver/chat/v1/chat_pb.js";
import { chatRows } from "./chat-rows.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, type CommandContext, examples } from "./command.js";
import type { Connection } from "./connection.js";
import { exitCode } from "./exit-code.js";
import { renderTable } from "./table.js";
import { colorsFor, widthOf, writeJsonLine } from "./terminal.js";
import { watchList } from "./watch-list.js";

interface LsOptions extends ClientOptions {
  readonly archived?: true;
  readonly filter?: string;
  readonly limit: number;
  readonly watch?: true;
}

export const addLsCommand: AddCommand = (program, context) => {
  const command = program
    .command("ls")
    .description("list your chats: pinned ones first, then the newest")
    .option("--archived", "the archived ones instead")
    .option(
      "--filter <expression>",
      "an AIP-160 expression over archived, pinned, status, title, model and labels.KEY",
    )
    .option("--limit <n>", "at most this many", parseCount, 50)
    .addOption(
      new Option(
        "--watch",
        "go on printing what changes, until Ctrl-C; --json prints one event per line",
      ).conflicts(["archived", "filter", "limit"]),
    )
    .addHelpText(
      "after",
      examples(
        "palaver ls",
        "palaver ls --filter 'status = RUNNING AND labels.team = \"a\"'",
        "palaver ls --json | jq -r .id",
        "palaver ls --watch",
      ),
    );
  withClientOptions(command).action(async (options: LsOptions) => {
    const { stdout, stderr, env, clock } = context;
    if (options.watch === true) return watch(context, options);
    const colors = colorsFor(stdout, env);
    const chats = await withConnection(context, options, (connection) => listChats(connection, options));
    if (options.json === true) for (const chat of chats) writeJsonLine(stdout, toJson(ChatSchema, chat));
    else if (chats.length > 0)
      stdout.write(renderTable(chatRows(chats, clock.now(), colors), widthOf(stdout)));
    else stderr.write('There are no chats. Begin one: npx palaver chat "hello"\n');
  });
};

async function watch(context: CommandContext, options: LsOptions): Promise<void> {
  const leave = new AbortController();
  using _interrupts = context.onInterrupt(() => leave.abort());
  const json = options.json === true;
  await withConnection(context, options, (connection) =>
    watchList(context, connection, { json, signal: leave.signal }),
  );
  context.finish(exitCode.interrupted);
}

async function listChats({ chats }: Connection, { archived, filter, limit }: LsOptions): Promise<Chat[]> {
  const conditions = [filter, archived === true ? "archived = true" : undefined].filter(
    (text) => text !== undefined,
  );
  const found: Chat[] = [];
  let pageToken = "";
  do {
    const pageSize = Math.min(200, limit - found.length);
    const page = await chats.listChats({ pageSize, pageToken, filter: conditions.join(" AND ") });
    found.push(...page.chats);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found.length < limit);
  return found.slice(0, limit);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError("expected a whole number, at least 1");
  return count;
}
