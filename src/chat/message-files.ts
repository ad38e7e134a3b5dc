import { PalaverError, type StoredPart } from "../protocol/index.js";
import { linkFiles, lockFiles, type Queryable } from "../store/index.js";
import type { UserMessage } from "./chat-state.js";

/** At most this many different files are named in one chat, also by messages that an edit has hidden. */
const maxFilesPerChat = 50;

/**
 * The message with its files as they were uploaded: a part says of a file what the file is, whatever the client said. The files are
 * locked: they exist until the transaction ends.
 *
 * @throws PalaverError FILE_NOT_FOUND for a file that does not exist or is not the author's, naming the field
 */
export async function readMessageFiles(tx: Queryable, message: UserMessage): Promise<UserMessage> {
  const ids = fileIdsOf(message.parts);
  if (ids.length === 0) return message;
  const files = await lockFiles(tx, ids, message.author);
  const parts = message.parts.map((part, index): StoredPart => {
    if (part.type !== "file" || part.file_id === undefined) return part;
    const file = files.get(part.file_id);
    if (file === undefined) throw fileNotFound(`parts[${index}].file.file_id`);
    return { type: "file", file_id: file.id, media_type: file.mediaType, name: file.name };
  });
  return { ...message, parts };
}

/**
 * Links the message's files to the chat, which is locked or new, so that they live as long as it does. For files that
 * {@link readMessageFiles} has locked in this transaction.
 *
 * @throws PalaverError TOO_MANY_FILES
 */
export async function linkMessageFiles(tx: Queryable, chatId: string, message: UserMessage): Promise<void> {
  await link(tx, chatId, fileIdsOf(message.parts));
}

/**
 * Links the files that a history from elsewhere names, as far as they exist and are the owner's, to the new chat. The others are gone
 * for it, as deleted ones are.
 *
 * @throws PalaverError TOO_MANY_FILES
 */
export async function linkImportedFiles(
  tx: Queryable,
  chat: { readonly id: string; readonly owner: string; readonly fileIds: readonly string[] },
): Promise<void> {
  if (chat.fileIds.length === 0) return;
  const files = await lockFiles(tx, chat.fileIds, chat.owner);
  await link(tx, chat.id, [...files.keys()]);
}

async function link(tx: Queryable, chatId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  if ((await linkFiles(tx, chatId, ids)) <= maxFilesPerChat) return;
  throw new PalaverError(
    "resource_exhausted",
    "TOO_MANY_FILES",
    `A chat can name ${maxFilesPerChat} different files. Delete some of them, or go on in a new chat.`,
    { metadata: { limit: String(maxFilesPerChat) } },
  );
}

/** The files that parts name, each once. */
export function fileIdsOf(parts: readonly StoredPart[]): string[] {
  return [
    ...new Set(
      parts.flatMap((part) => (part.type === "file" && part.file_id !== undefined ? [part.file_id] : [])),
    ),
  ];
}

function fileNotFound(field: string): PalaverError {
  const description = "there is no such file";
  return new PalaverError("not_found", "FILE_NOT_FOUND", `${field}: ${description}`, {
    fieldViolations: [{ field, description }],
  });
}
