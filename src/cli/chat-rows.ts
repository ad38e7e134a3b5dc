import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Chat, ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import { statusName } from "./chat-status.js";
import { type Cell, formatAge } from "./table.js";
import { safeLine } from "./terminal-text.js";
import type { Colors } from "./terminal.js";

/** The rows of a list of chats, with a heading. */
export function chatRows(chats: readonly Chat[], now: Date, colors: Colors): Cell[][] {
  const heading = ["ID", "STATUS", "AGE", "TITLE"].map((text) => ({ text, paint: colors.dim }));
  return [heading, ...chats.map((chat) => chatRow(chat, now, colors))];
}

export function chatRow(chat: Chat, now: Date, colors: Colors): Cell[] {
  const marks = [chat.pinned ? "★" : "", chat.archived ? "(archived)" : ""].filter((mark) => mark !== "");
  const age = chat.updateTime === undefined ? "" : formatAge(timestampDate(chat.updateTime), now);
  return [
    { text: safeLine(chat.id) },
    { text: statusName(chat.status), paint: statusPaint(chat.status, colors) },
    { text: age },
    { text: [...marks, chat.title === "" ? "(no title)" : safeLine(chat.title)].join(" ") },
  ];
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
