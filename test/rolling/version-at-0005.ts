import { randomUUID } from "node:crypto";
import type { Database, Queryable, Statement } from "../../src/store/index.js";

/**
 * A replica of the version before migration 0006, as far as its database can tell: these texts are what that version sends, and they do not
 * change with the program. When a migration comes that this one need not share a database with any more, take those of its neighbour.
 */
const columns = `c.id, c.owner, c.title, c.labels, c.archived, c.pinned, c.model, c.status, c.error, c.retry,
  c.action_deadline, c.open_calls, c.compaction_requested, c.worker_id, c.lease_epoch, c.snapshot_version, c.history_version,
  c.queue_version, c.retry_version, c.metadata_version, c.reset_version, c.generation_attempt, c.last_message_id, c.last_queue_id,
  c.created_at, c.updated_at`;
const machineColumns = `archived, model, status, error, retry, action_deadline, open_calls, compaction_requested, worker_id,
  lease_epoch, snapshot_version, history_version, queue_version, retry_version, metadata_version, reset_version,
  generation_attempt, last_message_id, last_queue_id`;

const upsertHeartbeat: Statement = {
  name: "at_0005.upsert_heartbeat",
  text: `insert into replicas (id, advertised_url, version) values ($1, $2, $3)
    on conflict (id) do update set heartbeat_at = clock_timestamp()`,
};
const deleteReplica: Statement = {
  name: "at_0005.delete_replica",
  text: "delete from replicas where id = $1",
};
const insertChat: Statement = {
  name: "at_0005.insert_chat",
  text: `insert into chats as c (${machineColumns}, id, owner, title, labels)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
    returning ${columns}`,
};
const lockRunnable: Statement = {
  name: "at_0005.lock_runnable_chats",
  text: `select ${columns} from chats c
    where c.status in ('running', 'interrupting')
      and ((c.worker_id = $3::uuid and c.id <> all ($4::uuid[]))
        or not exists (select 1 from replicas r
          where r.id = c.worker_id and r.heartbeat_at > clock_timestamp() - $1 * interval '1 millisecond'))
    order by c.updated_at for update of c skip locked limit $2`,
};
const lockChat: Statement = {
  name: "at_0005.lock_chat",
  text: `select ${columns} from chats c where c.id = $1 and ($2::text is null or c.owner = $2) for update of c`,
};
const selectExtras: Statement = {
  name: "at_0005.select_chat_extras",
  text: `
    select 'owner' as kind, null::bigint as id, null::bigint as position, null::text as role, null::jsonb as content,
        null::smallint as content_version, null::text as model, null::text as author, null::jsonb as usage, null::bytea as deltas
      from replicas where id = $2 and heartbeat_at > clock_timestamp() - $3 * interval '1 millisecond'
    union all
    select 'queued', id, position, null, content, content_version, model, author, null, null from queued_messages where chat_id = $1
    union all
    select 'checkpoint', null, null, role, content, content_version, model, null, usage, null from checkpoints where chat_id = $1
    union all
    select 'deltas', null, first_seq, null, null, null, null, null, null, deltas from checkpoint_deltas
      where chat_id = $1 and history_version = $4 and generation_attempt = $5 and ($6 = 'always' or ($6 = 'if-orphaned'
        and not exists (select 1 from replicas where id = $2 and heartbeat_at > clock_timestamp() - $3 * interval '1 millisecond')))
    order by position`,
};
const updateChat: Statement = {
  name: "at_0005.update_chat",
  text: `with void as (delete from checkpoint_deltas d where d.chat_id = $20 and not ($3::text in ('running', 'interrupting')
      and $5::jsonb is null and d.history_version = $12 and d.generation_attempt = $17))
    update chats c set (${machineColumns}) =
      ($1, $2, $3, $4::jsonb, $5::jsonb, $6::timestamptz, $7::jsonb, $8, $9::uuid, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19),
      title = coalesce($21, title), labels = coalesce($22::jsonb, labels), pinned = coalesce($23, pinned),
      updated_at = case when $24 then clock_timestamp() else updated_at end
    where c.id = $20 returning ${columns}`,
};
const insertMessages: Statement = {
  name: "at_0005.insert_messages",
  text: `insert into messages (chat_id, revision, content_version, id, role, content, visibility, interrupted, model, author, usage)
    select $1, $2, $3, id, role, content::jsonb, visibility, interrupted, model, author, usage::jsonb
    from unnest($4::bigint[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::text[], $10::text[], $11::text[])
      as new (id, role, content, visibility, interrupted, model, author, usage)
    returning id, created_at`,
};
const appendDeltas: Statement = {
  name: "at_0005.append_checkpoint_deltas",
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

interface ChatRow {
  readonly id: string;
  readonly model: string;
  readonly worker_id: string | null;
  readonly lease_epoch: number;
  readonly snapshot_version: number;
  readonly history_version: number;
  readonly queue_version: number;
  readonly retry_version: number;
  readonly metadata_version: number;
  readonly reset_version: number;
  readonly generation_attempt: number;
  readonly last_message_id: number;
  readonly last_queue_id: number;
}

const leaseMs = 15_000;

export class ReplicaAt0005 {
  readonly id = randomUUID();
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async beat(): Promise<void> {
    await this.#database.execute(upsertHeartbeat, [this.id, "http://10.0.0.1:7717", "0.1.0"]);
  }

  /** A graceful stop. */
  async leave(): Promise<void> {
    await this.#database.execute(deleteReplica, [this.id]);
  }

  /** A chat that waits for a worker, with one message of its user. */
  async createChat(model = "scripted/default"): Promise<string> {
    const id = randomUUID();
    await this.#database.transaction(async (tx) => {
      const values = [
        false,
        model,
        "running",
        null,
        null,
        null,
        "[]",
        false,
        null,
        0,
        1,
        1,
        1,
        1,
        1,
        0,
        0,
        1,
        0,
      ];
      await tx.query(insertChat, [...values, id, "dev", "a chat", "{}"]);
      await insertText(tx, { chatId: id, revision: 1, id: 1, role: "user", text: "hello" });
    });
    return id;
  }

  /** Takes up to `limit` chats that have no living owner; returns them as they are then. */
  async acquire(limit: number): Promise<ChatRow[]> {
    return this.#database.transaction(async (tx) => {
      const acquired: ChatRow[] = [];
      for (const row of await tx.query<ChatRow>(lockRunnable, [leaseMs, limit, this.id, []])) {
        await readExtras(tx, row);
        acquired.push(
          await writeChat(tx, row, {
            status: "running",
            workerId: this.id,
            leaseEpoch: row.lease_epoch + 1,
            generationAttempt: row.generation_attempt + 1,
          }),
        );
      }
      return acquired;
    });
  }

  /** Writes down that something was shown; false when the chat is not its own any more, or locked at the moment. */
  async checkpoint(chat: ChatRow): Promise<boolean> {
    const rows = await this.#database.query(appendDeltas, [
      this.id,
      [chat.id],
      [chat.lease_epoch],
      [chat.history_version],
      [chat.generation_attempt],
      [1],
      [1],
      [new Uint8Array()],
    ]);
    return rows.length === 1;
  }

  /** Commits the answer and ends the turn; false when the chat is not its own any more. */
  async finish({ id, lease_epoch }: ChatRow, text: string): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const [row] = await tx.query<ChatRow>(lockChat, [id, null]);
      if (row?.worker_id !== this.id || row.lease_epoch !== lease_epoch) return false;
      await readExtras(tx, row);
      const messageId = row.last_message_id + 1;
      const revision = row.snapshot_version + 1;
      await insertText(tx, { chatId: id, revision, id: messageId, role: "assistant", text });
      await writeChat(tx, row, {
        status: "waiting",
        workerId: null,
        leaseEpoch: row.lease_epoch,
        generationAttempt: 0,
        messageId,
      });
      return true;
    });
  }
}

async function readExtras(tx: Queryable, row: ChatRow): Promise<void> {
  const { id, worker_id, history_version, generation_attempt } = row;
  await tx.query(selectExtras, [id, worker_id, leaseMs, history_version, generation_attempt, "always"]);
}

async function writeChat(
  tx: Queryable,
  row: ChatRow,
  change: {
    status: string;
    workerId: string | null;
    leaseEpoch: number;
    generationAttempt: number;
    messageId?: number;
  },
): Promise<ChatRow> {
  const { status, workerId, leaseEpoch, generationAttempt, messageId } = change;
  const version = row.snapshot_version + 1;
  const [written] = await tx.query<ChatRow>(updateChat, [
    false,
    row.model,
    status,
    null,
    null,
    null,
    "[]",
    false,
    workerId,
    leaseEpoch,
    version,
    messageId === undefined ? row.history_version : version,
    row.queue_version,
    row.retry_version,
    row.metadata_version,
    row.reset_version,
    generationAttempt,
    messageId ?? row.last_message_id,
    row.last_queue_id,
    row.id,
    null,
    null,
    null,
    messageId !== undefined,
  ]);
  if (written === undefined) throw new Error("the chat is gone");
  return written;
}

async function insertText(
  tx: Queryable,
  message: { chatId: string; revision: number; id: number; role: string; text: string },
): Promise<void> {
  const { chatId, revision, id, role, text } = message;
  const content = JSON.stringify([{ type: "text", text }]);
  const rows = [[id], [role], [content], ["both"], [false], [null], [null], [null]];
  await tx.query(insertMessages, [chatId, revision, 2, ...rows]);
}
