import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Chat } from "../gen/palaver/chat/v1/chat_pb.js";
import { type Message, Role } from "../gen/palaver/chat/v1/message_pb.js";
import { contentVersion, encodeContent, storedPartFromProto, usageFromProto } from "../protocol/index.js";
import { type ExportHeader, exportVersion } from "./import-file.js";

/** The first line of an export, without its end. */
export function exportHeader({ title, labels, model }: Chat): string {
  const header: ExportHeader = { palaver_export: exportVersion, title, labels, model };
  return JSON.stringify(header);
}

const roles: Readonly<Partial<Record<Role, string>>> = {
  [Role.SYSTEM]: "system",
  [Role.USER]: "user",
  [Role.ASSISTANT]: "assistant",
  [Role.TOOL]: "tool",
};

/**
 * A message as a line of an export, without its end: `palaver import` makes the same message of it. Undefined for a message that the server
 * could not read, or that holds what this version does not know: half of it would be a lie.
 */
export function exportRow(message: Message): string | undefined {
  const role = roles[message.role];
  const parts = message.parts.map(storedPartFromProto).filter((part) => part !== undefined);
  if (role === undefined || message.contentError !== "" || parts.length < message.parts.length)
    return undefined;
  const { createTime, interrupted, model, author } = message;
  const usage = message.usage === undefined ? undefined : usageFromProto(message.usage);
  const fields = {
    role,
    content_version: contentVersion,
    ...(createTime === undefined ? {} : { created_at: timestampDate(createTime).toISOString() }),
    ...(interrupted ? { interrupted } : {}),
    ...(model === "" ? {} : { model }),
    ...(author === "" ? {} : { author }),
    ...(usage === undefined ? {} : { usage }),
  };
  // The content is JSON text already.
  return `${JSON.stringify(fields).slice(0, -1)},"content":${encodeContent(parts)}}`;
}
