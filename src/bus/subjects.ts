import { createHash } from "node:crypto";
import { isUuid } from "../protocol/index.js";

/** All subjects begin with this; a version that speaks differently takes another number. */
const prefix = "palaver.v1";

/** What the stream keeps: the notifications of all chats. */
export const allChatSubjects = `${prefix}.chat.*.notify`;

/** Says that some chat may have become runnable. Its messages are empty. */
export const runnableSubject = `${prefix}.runnable`;

/** Subjects of owners: whose chats change is said again and again, with each commit. */
const knownOwners = new Map<string, string>();
const maxKnownOwners = 1_000;

/** The subject of a chat (BUS-1). Undefined for what is no UUID: it must not become part of a subject. */
export function chatSubject(chatId: string): string | undefined {
  return isUuid(chatId) ? `${prefix}.chat.${chatId}.notify` : undefined;
}

/**
 * The subject that says that something changed in the list of an owner. Its messages are empty, and its name does not tell who the owner
 * is; two owners that share one would only look once too often.
 */
export function ownerSubject(owner: string): string {
  const known = knownOwners.get(owner);
  if (known !== undefined) return known;
  const hash = createHash("sha256").update(owner).digest("hex");
  const subject = `${prefix}.owner.${hash.slice(0, 16)}.notify`;
  if (knownOwners.size >= maxKnownOwners) knownOwners.clear();
  knownOwners.set(owner, subject);
  return subject;
}
