import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { InvalidArgumentError, Option } from "commander";
import { type QueuedMessage, QueuedMessageSchema } from "../gen/palaver/chat/v1/message_pb.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, type CommandContext, examples } from "./command.js";
import { readView } from "./read-view.js";
import { type Cell, formatAge, renderTable } from "./table.js";
import { safeLine } from "./terminal-text.js";
import { type Colors, colorsFor, widthOf, writeJsonLine } from "./terminal.js";

interface QueueOptions extends ClientOptions {
  readonly promote?: bigint;
  readonly delete?: bigint;
}

export const addQueueCommand: AddCommand = (program, context) => {
  const command = program
    .command("queue")
    .description("list the messages that wait for their turn, or change what waits")
    .argument("<chat>", "the chat's id")
    .addOption(
      new Option("--promote <n>", "run this message next; a running answer is interrupted for it").argParser(
        parseId,
      ),
    )
    .addOption(
      new Option("--delete <n>", "take this message out of the queue")
        .argParser(parseId)
        .conflicts("promote"),
    )
    .addHelpText(
      "after",
      examples("palaver queue ID", "palaver queue ID --promote 3", "palaver queue ID --delete 3"),
    );
  withClientOptions(command).action((chatId: string, options: QueueOptions) =>
    withConnection(context, options, async (connection) => {
      const { chats } = connection;
      const { promote, delete: remove } = options;
      if (promote !== undefined) await chats.promoteQueuedMessage({ chatId, queuedMessageId: promote });
      if (remove !== undefined) await chats.deleteQueuedMessage({ chatId, queuedMessageId: remove });
      printQueue(context, options, (await readView(connection, chatId)).queue);
    }),
  );
};

function printQueue(
  { stdout, stderr, env, clock }: CommandContext,
  { json }: QueueOptions,
  queue: readonly QueuedMessage[],
): void {
  if (json === true) for (const message of queue) writeJsonLine(stdout, toJson(QueuedMessageSchema, message));
  else if (queue.length === 0) stderr.write("Nothing waits.\n");
  else stdout.write(renderTable(queueRows(queue, clock.now(), colorsFor(stdout, env)), widthOf(stdout)));
}

/** The rows of a queue, with a heading. */
export function queueRows(queue: readonly QueuedMessage[], now: Date, colors: Colors): Cell[][] {
  const heading = ["QUEUED", "AGE", "TEXT"].map((text) => ({ text, paint: colors.dim }));
  const rows = queue.map((message): Cell[] => [
    { text: String(message.id) },
    { text: message.createTime === undefined ? "" : formatAge(timestampDate(message.createTime), now) },
    { text: queuedText(message) },
  ]);
  return [heading, ...rows];
}

/** What a queued message says, on one line. */
export function queuedText({ parts }: QueuedMessage): string {
  return safeLine(
    parts
      .map(({ kind }) => (kind.case === "text" ? kind.value.text : `[${kind.case ?? "unknown"}]`))
      .join(" "),
  );
}

function parseId(text: string): bigint {
  if (!/^[1-9]\d{0,17}$/.test(text))
    throw new InvalidArgumentError("expected the number of a queued message");
  return BigInt(text);
}
