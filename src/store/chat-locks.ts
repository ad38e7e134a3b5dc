import type { Owner } from "./chat-queries.js";
import { type ChatRow, chatColumns } from "./chat-rows.js";
import type { Queryable, Statement } from "./database.js";

/**
 * What the chat machine's transaction begins with. Lock first, then read: a statement that waits for a lock sees its other
 * tables as they were before the wait, so nothing but the chat's own row is read by the statement that locks it.
 */
const lockStatement: Statement = {
  name: "lock_chat",
  text: `select ${chatColumns} from chats c where c.id = $1 and ($2::text is null or c.owner = $2) for update of c`,
};

export async function lockChat(tx: Queryable, chatId: string, owner: Owner): Promise<ChatRow | undefined> {
  const [row] = await tx.query<ChatRow>(lockStatement, [chatId, owner ?? null]);
  return row;
}

const selectRow: Statement = {
  name: "select_chat_row",
  text: `select ${chatColumns} from chats c where c.id = $1`,
};

/** The same without the lock, for whoever only wants to know. */
export async function readChatRow(db: Queryable, chatId: string): Promise<ChatRow | undefined> {
  const [row] = await db.query<ChatRow>(selectRow, [chatId]);
  return row;
}

/** The living are read once, and not once for each chat that runs. */
const lockRunnable: Statement = {
  name: "lock_runnable_chats",
  text: `select c.id, (extract(epoch from clock_timestamp() - c.updated_at) * 1000)::float8 as idle_ms from chats c
    where c.status in ('running', 'interrupting') and c.id <> all ($5::uuid[])
      and ((c.worker_id = $3::uuid and c.id <> all ($4::uuid[])) or c.worker_id is null
        or c.worker_id <> all (array(select r.id from replicas r
          where r.heartbeat_at > clock_timestamp() - $1 * interval '1 millisecond')))
    order by c.updated_at for update of c skip locked limit $2`,
};

const lockUnowned: Statement = {
  name: "lock_unowned_chats",
  text: `select c.id, (extract(epoch from clock_timestamp() - c.updated_at) * 1000)::float8 as idle_ms from chats c
    where c.worker_id is null and c.status in ('running', 'interrupting') and c.id <> all ($2::uuid[])
    order by c.updated_at for update of c skip locked limit $1`,
};

/** `idleMs`: since its last message, or whatever else its owner changed. */
interface RunnableChat {
  readonly id: string;
  readonly idleMs: number;
}

/**
 * Chats that a worker may acquire, locked; those that somebody else is about to acquire are skipped. Nothing is read of them, so that one
 * that cannot be read keeps nobody from the others. Looks through all chats that run.
 */
export async function lockRunnableChats(
  tx: Queryable,
  options: {
    leaseMs: number;
    limit: number;
    workerId: string;
    running: readonly string[];
    except: readonly string[];
  },
): Promise<RunnableChat[]> {
  const { leaseMs, limit, workerId, running, except } = options;
  const rows = await tx.query<{ id: string; idle_ms: number }>(lockRunnable, [
    leaseMs,
    limit,
    workerId,
    running,
    except,
  ]);
  return rows.map(({ id, idle_ms: idleMs }) => ({ id, idleMs }));
}

/** Those of them that have no owner at all, dead or alive. Costs as much as there are of these. */
export async function lockUnownedChats(
  tx: Queryable,
  { limit, except }: { limit: number; except: readonly string[] },
): Promise<RunnableChat[]> {
  const rows = await tx.query<{ id: string; idle_ms: number }>(lockUnowned, [limit, except]);
  return rows.map(({ id, idle_ms: idleMs }) => ({ id, idleMs }));
}

/** What belongs to a locked chat outside its row. */
export interface ChatExtras {
  readonly ownerAlive: boolean;
  readonly queue: readonly {
    id: number;
    position: number;
    content: string;
    content_version: number;
    model: string;
    author: string;
  }[];
  readonly checkpoint:
    | {
        role: "assistant" | "tool";
        content: string;
        content_version: number;
        model: string | null;
        usage: string | null;
      }
    | undefined;
  /** What clients were shown of the present attempt, as it was written at intervals, in order. Empty where it was not asked for. */
  readonly deltas: readonly Uint8Array[];
}

/**
 * When to read the deltas of the present attempt, which may be large: whoever runs a chat has them in memory.
 * `if-orphaned`: only when the chat has no living owner.
 */
export type DeltasWanted = "always" | "if-orphaned" | "never";

interface ExtraRow {
  kind: "owner" | "queued" | "checkpoint" | "deltas";
  id: number | null;
  position: number | null;
  role: string | null;
  content: string | null;
  content_version: number | null;
  model: string | null;
  author: string | null;
  usage: string | null;
  deltas: Uint8Array | null;
}

const selectExtras: Statement = {
  name: "select_chat_extras",
  text: `
    select 'owner' as kind, null::bigint as id, null::bigint as position, null::text as role, null::jsonb as content,
        null::smallint as content_version, null::text as model, null::text as author, null::jsonb as usage, null::bytea as deltas
      from chats c join replicas r on r.id = c.worker_id
      where c.id = $1 and r.heartbeat_at > clock_timestamp() - $2 * interval '1 millisecond'
    union all
    select 'queued', id, position, null, content, content_version, model, author, null, null from queued_messages where chat_id = $1
    union all
    select 'checkpoint', null, null, role, content, content_version, model, null, usage, null from checkpoints where chat_id = $1
    union all
    select 'deltas', null, d.first_seq, null, null, null, null, null, null, d.deltas
      from chats c join checkpoint_deltas d on d.chat_id = c.id
        and d.history_version = c.history_version and d.generation_attempt = c.generation_attempt
      where c.id = $1 and ($3 = 'always' or ($3 = 'if-orphaned' and not exists (select 1 from replicas r
        where r.id = c.worker_id and r.heartbeat_at > clock_timestamp() - $2 * interval '1 millisecond')))
    order by position`,
};

/** May be asked for together with the lock, since it sees the chat as it is once it is locked. */
export async function readChatExtras(
  tx: Queryable,
  chatId: string,
  leaseMs: number,
  wanted: DeltasWanted,
): Promise<ChatExtras> {
  const rows = await tx.query<ExtraRow>(selectExtras, [chatId, leaseMs, wanted]);
  const checkpoint = rows.find((row) => row.kind === "checkpoint");
  return {
    ownerAlive: rows.some((row) => row.kind === "owner"),
    queue: rows
      .filter((row) => row.kind === "queued")
      .map((row) => ({
        id: row.id ?? 0,
        position: row.position ?? 0,
        content: row.content ?? "[]",
        content_version: row.content_version ?? 0,
        model: row.model ?? "",
        author: row.author ?? "",
      })),
    checkpoint:
      checkpoint === undefined
        ? undefined
        : {
            role: checkpoint.role === "tool" ? "tool" : "assistant",
            content: checkpoint.content ?? "[]",
            content_version: checkpoint.content_version ?? 0,
            model: checkpoint.model,
            usage: checkpoint.usage,
          },
    deltas: rows.flatMap((row) => row.deltas ?? []),
  };
}
