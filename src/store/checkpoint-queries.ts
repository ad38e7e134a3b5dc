import {
  type CheckpointChunk,
  contentVersion,
  encodeCheckpoint,
  encodeContent,
  type StoredPart,
  type Usage,
} from "../protocol/index.js";
import type { Queryable, Statement } from "./database.js";

/** An attempt of a chat. */
export interface ChatEpisode {
  readonly chatId: string;
  readonly historyVersion: number;
  readonly generationAttempt: number;
}

const upsertCheckpoint: Statement = {
  name: "upsert_checkpoint",
  text: `insert into checkpoints (chat_id, history_version, generation_attempt, role, content, content_version, model, usage)
    values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8::jsonb)
    on conflict (chat_id) do update set history_version = excluded.history_version,
      generation_attempt = excluded.generation_attempt, role = excluded.role, content = excluded.content,
      content_version = excluded.content_version, model = excluded.model, usage = excluded.usage, updated_at = clock_timestamp()`,
};

/** Keeps what an attempt has produced as it would be committed: what a worker hands over, and results of tools. */
export async function writeCheckpoint(
  tx: Queryable,
  episode: ChatEpisode,
  partial: {
    role: string;
    parts: readonly StoredPart[];
    model?: string | undefined;
    usage?: Usage | undefined;
  },
): Promise<void> {
  await tx.execute(upsertCheckpoint, [
    episode.chatId,
    episode.historyVersion,
    episode.generationAttempt,
    partial.role,
    encodeContent(partial.parts),
    contentVersion,
    partial.model ?? null,
    partial.usage === undefined ? null : JSON.stringify(partial.usage),
  ]);
}

const deleteCheckpointStatement: Statement = {
  name: "delete_checkpoint",
  text: "delete from checkpoints where chat_id = $1",
};

export async function deleteCheckpoint(tx: Queryable, chatId: string): Promise<void> {
  await tx.execute(deleteCheckpointStatement, [chatId]);
}

/** Deltas that are new since the last checkpoint, under the lease of the worker that showed them. */
export interface LeasedChunk extends ChatEpisode, CheckpointChunk {
  readonly leaseEpoch: number;
}

const appendDeltas: Statement = {
  name: "append_checkpoint_deltas",
  text: `with current as (
      select new.* from unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::integer[], $6::bigint[], $7::bigint[], $8::bytea[])
          as new (chat_id, lease_epoch, history_version, generation_attempt, first_seq, last_seq, deltas)
        join chats c on c.id = new.chat_id
      where c.worker_id = $1 and c.lease_epoch = new.lease_epoch and c.history_version = new.history_version
        and c.generation_attempt = new.generation_attempt and c.status in ('running', 'interrupting') and c.retry is null
      for share of c skip locked)
    insert into checkpoint_deltas (chat_id, history_version, generation_attempt, first_seq, last_seq, deltas)
      select chat_id, history_version, generation_attempt, first_seq, last_seq, deltas from current
      on conflict (chat_id, history_version, generation_attempt, first_seq)
        do update set last_seq = excluded.last_seq, deltas = excluded.deltas
          where excluded.last_seq >= checkpoint_deltas.last_seq
      returning chat_id`,
};

/**
 * Writes what is new of any number of chats in one statement, and returns the chats of which it was written. Of the others nothing was:
 * the chat is not the worker's any more, has gone on to another attempt, or is about to change; then ask again.
 *
 * No row outlives its attempt. Whoever changes a chat locks its row first (`for update`), and drops the deltas of every attempt but the
 * chat's present one as the last thing before the commit (`updateChat`). This statement shares that lock from the moment at which it
 * compares the attempts until its own commit:
 * - The change came first: its lock is held and the chat is skipped, or it is committed, and the comparison, which is repeated on the row
 *   as it is once locked, fails.
 * - This statement came first: the change waits for its commit, and so sees the rows and drops them.
 *
 * A change that is one statement (`changeChat`) does not see rows that it had to wait for. So a replica makes none while it writes down what that
 * chat has shown. Where another replica does, to take the chat over, and where the connection was lost, so that nobody knows whether this
 * statement still runs, rows may stay until a later change of the chat that drops what it finds: nobody reads them.
 *
 * It waits for no lock, so it neither hangs on a chat nor deadlocks. A chunk that is written again, because the answer got lost, and has
 * grown meanwhile, replaces its former self; one that is late replaces nothing that has more.
 */
export async function appendCheckpoints(
  db: Queryable,
  workerId: string,
  chunks: readonly LeasedChunk[],
): Promise<Set<string>> {
  const rows = await db.query<{ chat_id: string }>(appendDeltas, [
    workerId,
    chunks.map((chunk) => chunk.chatId),
    chunks.map((chunk) => chunk.leaseEpoch),
    chunks.map((chunk) => chunk.historyVersion),
    chunks.map((chunk) => chunk.generationAttempt),
    chunks.map((chunk) => chunk.firstSeq),
    chunks.map((chunk) => chunk.lastSeq),
    chunks.map((chunk) => encodeCheckpoint(chunk.deltas)),
  ]);
  return new Set(rows.map((row) => row.chat_id));
}

const replaceDeltas: Statement = {
  name: "replace_checkpoint_deltas",
  text: `with dropped as (delete from checkpoint_deltas where chat_id = $1 and first_seq <> $4)
    insert into checkpoint_deltas (chat_id, history_version, generation_attempt, first_seq, last_seq, deltas)
      values ($1, $2, $3, $4, $5, $6)
      on conflict (chat_id, history_version, generation_attempt, first_seq)
        do update set last_seq = excluded.last_seq, deltas = excluded.deltas`,
};

/** Puts all deltas of an attempt in the place of those written so far. The chat is locked, and its attempt is this one. */
export async function replaceCheckpointDeltas(
  tx: Queryable,
  episode: ChatEpisode,
  chunk: CheckpointChunk,
): Promise<void> {
  if (chunk.deltas.length === 0) return;
  const { chatId, historyVersion, generationAttempt } = episode;
  const { firstSeq, lastSeq, deltas } = chunk;
  await tx.execute(replaceDeltas, [
    chatId,
    historyVersion,
    generationAttempt,
    firstSeq,
    lastSeq,
    encodeCheckpoint(deltas),
  ]);
}
