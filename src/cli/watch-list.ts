import { create, toJson } from "@bufbuild/protobuf";
import {
  type Chat,
  type ChatListEvent,
  ChatListEventSchema,
  createChatListView,
  reduceChatList,
  watchChats,
} from "../client/index.js";
import type { CommandContext } from "./command.js";
import type { Connection } from "./connection.js";
import { chatRow, chatRows } from "./chat-rows.js";
import { isLost } from "./follow.js";
import { renderTable } from "./table.js";
import { safeLine } from "./terminal-text.js";
import { colorsFor, widthOf, writeJsonLine } from "./terminal.js";

const listReset = create(ChatListEventSchema, { event: { case: "listReset", value: {} } });

/**
 * Prints the list of chats and then a line for every change, across lost connections, until the signal. With `json` one event per
 * line, archived chats too.
 *
 * @throws ConnectError when the server refused, or was never reached
 */
export async function watchList(
  context: CommandContext,
  connection: Connection,
  { json, signal }: { readonly json: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { stdout, stderr, env, clock, random } = context;
  const colors = colorsFor(stdout, env);
  let view = createChatListView();
  let reached = false;
  let lost = false;
  /** Whether the list is being gathered, to be printed as a whole. */
  let gathering = true;

  const printList = (chats: readonly Chat[]): void =>
    void stdout.write(renderTable(chatRows(chats, clock.now(), colors), widthOf(stdout)));
  const printEvent = ({ event }: ChatListEvent): void => {
    if (event.case === "listReset") gathering = true;
    if (event.case === "caughtUp" && gathering) {
      gathering = false;
      printList(view.chats.filter((chat) => !chat.archived));
    } else if (gathering) return;
    if (event.case === "chatUpdate" && event.value.chat !== undefined)
      stdout.write(renderTable([chatRow(event.value.chat, clock.now(), colors)], widthOf(stdout)));
    if (event.case === "chatDelete")
      stdout.write(`${safeLine(event.value.chatId)}  ${colors.dim("deleted")}\n`);
  };

  for await (const item of watchChats(connection, { signal, clock, random })) {
    view = reduceChatList(view, item);
    if (item.type === "connection") {
      if (item.connection.state === "waiting" && !reached) throw item.connection.error;
      if (isLost(item.connection)) stderr.write("— connection lost, trying to reconnect —\n");
      if (item.connection.state === "waiting") lost = true;
      if (item.connection.state !== "open") continue;
      if (lost) stderr.write("— connected again —\n");
      reached = true;
      lost = false;
      continue;
    }
    if (item.type === "reset") gathering = true;
    // Programs are told in the words of the protocol.
    if (json && item.type === "reset" && item.events[0]?.event.case !== "listReset")
      writeJsonLine(stdout, toJson(ChatListEventSchema, listReset));
    for (const event of item.events) {
      if (!json) printEvent(event);
      else if (event.event.case !== "keepalive") writeJsonLine(stdout, toJson(ChatListEventSchema, event));
    }
  }
}
