import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Chat, ChatSchema } from "../gen/palaver/chat/v1/chat_pb.js";
import { MessageSchema, QueuedMessageSchema } from "../gen/palaver/chat/v1/message_pb.js";
import type { ChatView } from "../client/index.js";
import { statusName } from "./chat-status.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, examples } from "./command.js";
import { queueRows } from "./queue-command.js";
import { present } from "./send.js";
import { readView } from "./read-view.js";
import { renderTable } from "./table.js";
import { safeLine } from "./terminal-text.js";
import { type Colors, colorsFor, widthOf, writeJsonLine } from "./terminal.js";
import { TranscriptWriter } from "./transcript-writer.js";
import { viewPieces } from "./view-pieces.js";

export const addShowCommand: AddCommand = (program, context) => {
  const command = program
    .command("show")
    .description("print a chat: what was said, what is being said, and what waits")
    .argument("<chat>", "the chat's id")
    .addHelpText(
      "after",
      examples("palaver show ID", "palaver show ID | less -R", "palaver show ID --json | jq .messages"),
    );
  withClientOptions(command).action(async (chatId: string, options: ClientOptions) => {
    const { stdout, env, clock } = context;
    const { chat, view } = await withConnection(context, options, async (connection) => ({
      chat: present((await connection.chats.getChat({ chatId })).chat),
      view: await readView(connection, chatId),
    }));
    if (options.json === true) return writeJsonLine(stdout, chatJson(chat, view));
    const colors = colorsFor(stdout, env);
    stdout.write(`${chatHeader(chat, colors)}\n`);
    const sink = { write: (text: string) => void stdout.write(text) };
    const writer = new TranscriptWriter({ answer: sink, aside: sink, colors, clock, canErase: false });
    writer.write(viewPieces(view));
    writer.endLine();
    if (view.queue.length > 0)
      stdout.write(`\n${renderTable(queueRows(view.queue, clock.now(), colors), widthOf(stdout))}`);
  });
};

/** What is known about a chat beside its messages. */
function chatHeader(chat: Chat, colors: Colors): string {
  const labels = Object.entries(chat.labels).map(([key, value]) => `${safeLine(key)}=${safeLine(value)}`);
  const created = chat.createTime === undefined ? "" : timestampDate(chat.createTime).toISOString();
  const facts = [statusName(chat.status), safeLine(chat.model), ...labels, `since ${created}`];
  return `${colors.bold(safeLine(chat.title) || "(no title)")}\n${colors.dim(`${chat.id}  ${facts.join(", ")}`)}\n`;
}

/** One value with everything in it; fields are named as in the JSON form of the protocol. */
function chatJson(chat: Chat, { messages, queue }: ChatView): unknown {
  return {
    chat: toJson(ChatSchema, chat),
    messages: messages.map((message) => toJson(MessageSchema, message)),
    queue: queue.map((message) => toJson(QueuedMessageSchema, message)),
  };
}
