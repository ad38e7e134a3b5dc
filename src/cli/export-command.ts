import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CliError } from "./cli-error.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, type CommandContext, examples } from "./command.js";
import type { Connection } from "./connection.js";
import { exitCode } from "./exit-code.js";
import { exportHeader, exportRow } from "./export-rows.js";
import { present } from "./send.js";

interface ExportOptions extends ClientOptions {
  readonly output?: string;
}

/** What was written, and what could not be. */
interface ExportCount {
  written: number;
  readonly leftOut: bigint[];
  changed: boolean;
}

export const addExportCommand: AddCommand = (program, context) => {
  const command = program
    .command("export")
    .description("write a chat's messages as JSON Lines that `palaver import` reads back")
    .argument("<chat>", "the chat's id")
    .option("--output <file>", "write them to a file (default: standard output)")
    .addHelpText("after", exportHelp)
    .addHelpText(
      "after",
      examples("palaver export ID > chat.jsonl", "palaver export ID --output chat.jsonl"),
    );
  withClientOptions(command).action(async (chatId: string, options: ExportOptions) => {
    const count: ExportCount = { written: 0, leftOut: [], changed: false };
    await withConnection(context, options, async (connection) => {
      const lines = Readable.from(exportLines(connection, chatId, count));
      if (options.output === undefined) await pipeline(lines, context.stdout, { end: false });
      else await writeWhole(lines, options.output);
    });
    report(context, options, count);
  });
};

const exportHelp = `
An export holds what clients may see: the messages in their order, with time, model, author and usage, the
title and the labels. It does not hold what only the server and the model's provider know (signatures of
reasoning, encrypted search results), messages for the model alone, messages that an edit removed, the
queue, and the bytes of uploaded files. A backup of the database holds all of that.
`;

async function* exportLines(
  { chats }: Connection,
  chatId: string,
  count: ExportCount,
): AsyncGenerator<string, void> {
  const chat = present((await chats.getChat({ chatId })).chat);
  yield `${exportHeader(chat)}\n`;
  let pageToken = "";
  do {
    const page = await chats.listMessages({ chatId, pageSize: 1_000, pageToken });
    for (const message of page.messages) {
      const row = exportRow(message);
      if (row === undefined) {
        count.leftOut.push(message.id);
        continue;
      }
      count.written += 1;
      yield `${row}\n`;
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  const after = present((await chats.getChat({ chatId })).chat);
  count.changed = after.versions?.historyVersion !== chat.versions?.historyVersion;
}

/** The file is there when it is complete, and until then what was there before. */
async function writeWhole(lines: Readable, path: string): Promise<void> {
  const part = `${path}.part`;
  try {
    await pipeline(lines, createWriteStream(part));
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new CliError(`Cannot write ${path}: ${code ?? "unknown failure"}.`, {
      reason: "FILE_UNWRITABLE",
      cause: error,
    });
  }
}

function report(
  context: CommandContext,
  { output }: ExportOptions,
  { written, leftOut, changed }: ExportCount,
): void {
  const { stderr } = context;
  if (output !== undefined) stderr.write(`${written} messages written to ${output}\n`);
  if (changed) stderr.write("The chat changed meanwhile: export it again when it is idle.\n");
  if (leftOut.length === 0) return;
  const named = leftOut.slice(0, 10).join(", ") + (leftOut.length > 10 ? " …" : "");
  stderr.write(`${leftOut.length} messages cannot be read and were left out: ${named}\n`);
  context.finish(exitCode.failed);
}
