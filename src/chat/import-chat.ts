import { PalaverError } from "../protocol/index.js";
import {
  type ChatRow,
  DatabaseError,
  insertChat,
  insertRawMessages,
  type Queryable,
  type RawMessage,
} from "../store/index.js";
import type { ChatState } from "./chat-state.js";
import { chatStateToColumns } from "./chat-state-rows.js";
import { createChatState } from "./create-chat-state.js";
import { linkImportedFiles } from "./message-files.js";

/** A chat with a history that somebody else wrote. */
export interface ImportedChat {
  readonly id: string;
  readonly owner: string;
  readonly title: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly model: string;
  /** Numbered from 1, without gaps. */
  readonly rows: readonly RawMessage[];
  /** The files that they name, if they can be read. */
  readonly fileIds: readonly string[];
}

/** How an import is watched and given up. */
export interface ImportControl {
  readonly signal: AbortSignal;
  /** So many rows are in the open transaction; none of them is there before the import resolves. Must not throw. */
  stored(rowCount: number): void;
}

/** One statement takes no more than this, so that a large history neither blocks for long nor meets the time limit of statements. */
const batchRows = 500;
const batchChars = 4 * 1024 * 1024;

/**
 * Writes an idle chat with its history, in the given transaction. Gives up between two statements when the signal aborts, also after
 * the last one: what was not waited for is not kept.
 *
 * @throws PalaverError INVALID_ROWS when the database cannot hold a row, TOO_MANY_FILES
 */
export async function importChat(
  tx: Queryable,
  chat: ImportedChat,
  control: ImportControl,
): Promise<ChatRow> {
  const state = importedChatState(chat.model, chat.rows.length);
  const row = await insertChat(tx, chat, chatStateToColumns(state));
  await linkImportedFiles(tx, chat);
  let stored = 0;
  for (const batch of batchesOf(chat.rows)) {
    control.signal.throwIfAborted();
    await insertBatch(tx, chat.id, state.versions.snapshot, batch);
    stored += batch.length;
    control.stored(stored);
  }
  control.signal.throwIfAborted();
  return row;
}

/** Idle, whatever the last row is: calls without results are the past's, and nobody is asked for them. */
function importedChatState(model: string, rowCount: number): ChatState {
  return { ...createChatState(model, [], undefined).after, lastMessageId: rowCount };
}

function* batchesOf(rows: readonly RawMessage[]): Generator<readonly RawMessage[]> {
  let batch: RawMessage[] = [];
  let chars = 0;
  for (const row of rows) {
    const size = row.content?.length ?? 0;
    if (batch.length === batchRows || (batch.length > 0 && chars + size > batchChars)) {
      yield batch;
      batch = [];
      chars = 0;
    }
    batch.push(row);
    chars += size;
  }
  if (batch.length > 0) yield batch;
}

async function insertBatch(
  tx: Queryable,
  chatId: string,
  revision: number,
  batch: readonly RawMessage[],
): Promise<void> {
  try {
    await insertRawMessages(tx, chatId, revision, batch);
  } catch (error) {
    // 22: data exceptions, such as text that is no jsonb. 54: limits of the server, such as its stack or the size of a value.
    if (!(error instanceof DatabaseError) || !/^(22|54)/.test(error.code ?? "")) throw error;
    const first = (batch[0]?.id ?? 1) - 1;
    const last = first + batch.length - 1;
    throw new PalaverError(
      "invalid_argument",
      "INVALID_ROWS",
      `The database cannot hold one of the rows ${first} to ${last}.`,
      {
        fieldViolations: [
          { field: "rows", description: `one of the rows ${first} to ${last} cannot be stored` },
        ],
        cause: error,
      },
    );
  }
}
