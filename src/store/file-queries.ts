import { isUuid } from "../protocol/index.js";
import type { Owner } from "./chat-queries.js";
import type { Database, Queryable, Statement } from "./database.js";

/** An uploaded file, without its bytes. */
export interface FileRecord {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly createdAt: Date;
}

export interface NewFile {
  readonly id: string;
  readonly owner: string;
  readonly name: string;
  readonly mediaType: string;
  readonly data: Uint8Array;
}

interface FileRow {
  readonly id: string;
  readonly name: string;
  readonly media_type: string;
  readonly size_bytes: number;
  readonly created_at: Date;
}

const fileColumns = "f.id, f.name, f.media_type, f.size_bytes, f.created_at";

function decodeFile(row: FileRow): FileRecord {
  return {
    id: row.id,
    name: row.name,
    mediaType: row.media_type,
    sizeBytes: row.size_bytes,
    createdAt: row.created_at,
  };
}

/** What an owner has uploaded and not yet named in a message. */
export interface UnnamedFiles {
  readonly count: number;
  readonly bytes: number;
}

const selectUnnamed: Statement = {
  name: "select_unnamed_files",
  text: `select count(*) as count, coalesce(sum(size_bytes), 0)::bigint as bytes from files where owner = $1 and not named`,
};

export async function readUnnamedFiles(db: Queryable, owner: string): Promise<UnnamedFiles> {
  const [row] = await db.query<UnnamedFiles>(selectUnnamed, [owner]);
  return row ?? { count: 0, bytes: 0 };
}

const lockUploads: Statement = {
  name: "lock_uploads",
  text: "select pg_advisory_xact_lock(hashtextextended($1, 7718))",
};
const insertStatement: Statement = {
  name: "insert_file",
  text: `insert into files as f (id, owner, name, media_type, size_bytes, data) values ($1, $2, $3, $4, $5, $6)
    returning ${fileColumns}`,
};

/**
 * Stores a file, unless `accepts` says no to what its owner would then have unnamed: undefined. Uploads of one owner wait for each
 * other here, so that many at once cannot pass a bound together.
 */
export async function insertFile(
  db: Database,
  file: NewFile,
  accepts: (unnamed: UnnamedFiles) => boolean,
): Promise<FileRecord | undefined> {
  const { id, owner, name, mediaType, data } = file;
  const size = data.byteLength;
  return db.transaction(async (tx) => {
    await tx.query(lockUploads, [owner]);
    const { count, bytes } = await readUnnamedFiles(tx, owner);
    if (!accepts({ count: count + 1, bytes: bytes + size })) return undefined;
    const [row] = await tx.query<FileRow>(insertStatement, [id, owner, name, mediaType, size, data]);
    if (row === undefined) throw new Error("insert returned no row");
    return decodeFile(row);
  });
}

const selectFile: Statement = {
  name: "select_file",
  text: `select ${fileColumns} from files f where f.id = $1 and ($2::text is null or f.owner = $2)`,
};

export async function readFile(db: Queryable, id: string, owner: Owner): Promise<FileRecord | undefined> {
  const [row] = await db.query<FileRow>(selectFile, [id, owner ?? null]);
  return row && decodeFile(row);
}

const selectRange: Statement = {
  name: "select_file_range",
  text: "select substring(data from $2::integer + 1 for $3::integer) as bytes from files where id = $1",
};

/**
 * The bytes of a file in order, in chunks of `chunkBytes`, each read when it is asked for: a slow reader holds neither the file in
 * memory nor a connection. Ends before `sizeBytes` when the file is deleted meanwhile.
 */
export async function* readFileBytes(
  db: Queryable,
  { id, sizeBytes }: FileRecord,
  chunkBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = 0; offset < sizeBytes; offset += chunkBytes) {
    const [row] = await db.query<{ readonly bytes: Uint8Array }>(selectRange, [id, offset, chunkBytes]);
    if (row === undefined) return;
    yield row.bytes;
  }
}

const deleteStatement: Statement = {
  name: "delete_file",
  text: "delete from files where id = $1 and owner = $2",
};

/** Deletes a file, its bytes and its links; whether there was one. Messages keep the part that names it. */
export async function deleteFile(db: Queryable, id: string, owner: string): Promise<boolean> {
  return (await db.execute(deleteStatement, [id, owner])) > 0;
}

const deleteUnnamed: Statement = {
  name: "delete_unnamed_files",
  text: `delete from files where id in (
    select id from files where not named and created_at < statement_timestamp() - interval '1 day' limit $1 for update skip locked)`,
};

/** How many files are deleted by one statement: each is up to 10 MiB of work. */
const deleteBatch = 100;

/** Removes files that were uploaded more than a day ago and that no message has named. */
export async function removeUnnamedFiles(db: Queryable): Promise<void> {
  while ((await db.execute(deleteUnnamed, [deleteBatch])) === deleteBatch);
}

const lockFilesStatement: Statement = {
  name: "lock_files",
  text: `select ${fileColumns} from files f where f.id = any($1::uuid[]) and f.owner = $2 order by f.id for update of f`,
};

/**
 * Those of the owner's files that exist, by id, locked: until the transaction ends nobody deletes them, and whoever is about to has
 * done so. In the order of their ids, so that two messages that name the same files wait and do not deadlock.
 */
export async function lockFiles(
  tx: Queryable,
  ids: readonly string[],
  owner: string,
): Promise<ReadonlyMap<string, FileRecord>> {
  const rows = await tx.query<FileRow>(lockFilesStatement, [ids, owner]);
  return new Map(rows.map((row) => [row.id, decodeFile(row)]));
}

const insertLinks: Statement = {
  name: "insert_chat_files",
  text: `insert into chat_files (chat_id, file_id) select $1::uuid, unnest($2::uuid[]) on conflict do nothing`,
};
const markNamed: Statement = {
  name: "mark_files_named",
  text: "update files set named = true where id = any($1::uuid[]) and not named",
};
const countLinks: Statement = {
  name: "count_chat_files",
  text: "select count(*) as count from chat_files where chat_id = $1",
};

/** Says that a chat names these locked files; returns how many different ones it names now. The chat's row is locked, or new. */
export async function linkFiles(tx: Queryable, chatId: string, ids: readonly string[]): Promise<number> {
  await tx.execute(insertLinks, [chatId, ids]);
  await tx.execute(markNamed, [ids]);
  const [row] = await tx.query<{ readonly count: number }>(countLinks, [chatId]);
  return row?.count ?? 0;
}

const lockFilesOfChat: Statement = {
  name: "lock_files_of_chat",
  text: `select f.id from files f join chat_files l on l.file_id = f.id where l.chat_id = $1 order by f.id for update of f`,
};
const deleteUnshared: Statement = {
  name: "delete_unshared_files",
  text: `delete from files f where f.id = any($1::uuid[])
    and not exists (select 1 from chat_files l where l.file_id = f.id and l.chat_id <> $2)`,
};

/**
 * Deletes the files that only this chat names, for a chat that is about to be deleted. Locked first and looked at in a second
 * statement: that one sees what another chat has linked while the first waited.
 */
export async function deleteFilesOfChat(tx: Queryable, chatId: string): Promise<void> {
  const rows = await tx.query<{ readonly id: string }>(lockFilesOfChat, [chatId]);
  if (rows.length > 0) await tx.execute(deleteUnshared, [rows.map(({ id }) => id), chatId]);
}

const selectNamed: Statement = {
  name: "select_files_for_chat",
  text: `select ${fileColumns} from files f
    where f.id = any($2::uuid[]) and f.owner = (select c.owner from chats c where c.id = $1)`,
};

/** A file with its bytes. */
export interface FileContent {
  readonly mediaType: string;
  readonly name: string;
  readonly data: Uint8Array;
}

const promptChunkBytes = 1024 * 1024;

/**
 * The files with these ids that belong to the owner of the chat, in the given order for as long as they fit into `maxBytes` together.
 * For workers, which act for nobody in particular: an id in a history proves nothing, the owner of the chat does.
 */
export async function readFilesForChat(
  db: Queryable,
  chatId: string,
  ids: readonly string[],
  maxBytes: number,
): Promise<ReadonlyMap<string, FileContent>> {
  // Imported histories may name files of other systems, by ids of any form.
  const wanted = ids.filter(isUuid);
  if (wanted.length === 0) return new Map();
  const rows = await db.query<FileRow>(selectNamed, [chatId, wanted]);
  const found = new Map(rows.map((row) => [row.id, decodeFile(row)]));
  const contents = new Map<string, FileContent>();
  let bytes = 0;
  for (const id of wanted) {
    const file = found.get(id);
    if (file === undefined) continue;
    bytes += file.sizeBytes;
    if (bytes > maxBytes) break;
    const chunks: Uint8Array[] = [];
    for await (const chunk of readFileBytes(db, file, promptChunkBytes)) chunks.push(chunk);
    const data = Buffer.concat(chunks);
    // Deleted while it was read.
    if (data.byteLength < file.sizeBytes) continue;
    contents.set(id, { mediaType: file.mediaType, name: file.name, data });
  }
  return contents;
}
