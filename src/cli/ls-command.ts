import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { InvalidArgumentError } from "commander";
import { type Chat, ChatSchema, ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import { statusName } from "./chat-status.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, examples } from "./command.js";
import type { Connection } from "./connection.js";
import { type Cell, formatAge, renderTable } from "./table.js";
import { safeLine } from "./terminal-text.js";
import { type Colors, colorsFor, widthOf, writeJsonLine } from "./terminal.js";

interface LsOptions extends ClientOptions {
  readonly archived?: true;
  readonly filter?: string;
  readonly limit: number;
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
    .addHelpText(
      "after",
      examples(
        "palaver ls",
        "palaver ls --filter 'status = RUNNING AND labels.team = \"a\"'",
        "palaver ls --json | jq -r .id",
      ),
    );
  withClientOptions(command).action(async (options: LsOptions) => {
    const { stdout, stderr, env, clock } = context;
    const colors = colorsFor(stdout, env);
    const chats = await withConnection(context, options, (connection) => listChats(connection, options));
    if (options.json === true) for (const chat of chats) writeJsonLine(stdout, toJson(ChatSchema, chat));
    else if (chats.length > 0)
      stdout.write(renderTable(chatRows(chats, clock.now(), colors), widthOf(stdout)));
    else stderr.write('There are no chats. Begin one: npx palaver chat "hello"\n');
  });
};

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

/** The rows of the list, with a heading. */
export function chatRows(chats: readonly Chat[], now: Date, colors: Colors): Cell[][] {
  const heading = ["ID", "STATUS", "AGE", "TITLE"].map((text) => ({ text, paint: colors.dim }));
  const rows = chats.map((chat): Cell[] => {
    const marks = [chat.pinned ? "★" : "", chat.archived ? "(archived)" : ""].filter((mark) => mark !== "");
    const age = chat.updateTime === undefined ? "" : formatAge(timestampDate(chat.updateTime), now);
    return [
      { text: safeLine(chat.id) },
      { text: statusName(chat.status), paint: statusPaint(chat.status, colors) },
      { text: age },
      { text: [...marks, chat.title === "" ? "(no title)" : safeLine(chat.title)].join(" ") },
    ];
  });
  return [heading, ...rows];
}

function statusPaint(status: ChatStatus, colors: Colors): (text: string) => string {
  switch (status) {
    case ChatStatus.ERROR:
      return colors.red;
    case ChatStatus.REQUIRES_ACTION:
    case ChatStatus.INTERRUPTING:
      return colors.yellow;
    case ChatStatus.RUNNING:
    case ChatStatus.PENDING:
      return colors.green;
    default:
      return (text) => text;
  }
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError("expected a whole number, at least 1");
  return count;
}
