import { randomUUID } from "node:crypto";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { systemRandom } from "../../src/platform/index.js";
import * as store from "../../src/store/index.js";

/** Chats of a filled database, all of one owner; each is used up. */
export interface Subjects {
  readonly owner: string;
  readonly idle: readonly [string, string];
  readonly running: string;
  readonly workerId: string;
  /** Named by the second idle chat, and by nothing else. */
  readonly fileId: string;
  /** Not named. */
  readonly unnamedFileId: string;
  /** Of the owner's list, a page before its end. */
  readonly position: store.ChatListPosition;
}

/** Has the store run each of its statements at least once, with values like those of calls and of workers. */
export async function runEveryStatement(database: store.Database, subjects: Subjects): Promise<void> {
  await readAsCallers(database, subjects);
  await database.transaction((tx) => writeAsMachine(tx, subjects));
  await checkpoint(database, subjects);
  await keepFiles(database, subjects);
  await importRows(database, subjects);
  await database.transaction((tx) => deleteLikeMachine(tx, subjects));
  await keepTokens(database);
  await runReplica(database, subjects);
}

async function readAsCallers(database: store.Database, { owner, idle, position }: Subjects): Promise<void> {
  const [chatId] = idle;
  await store.readChat(database, chatId, owner);
  await store.readChatHeads(database, idle);
  await store.readMessages(database, chatId, owner, { afterId: 2, limit: 50, maxBytes: 1_000_000 });
  await store.readHistory(database, chatId);
  const after = { afterMessageId: 2, resetSinceVersion: 1, withCheckpoint: true };
  for (const sinceVersion of [0, 5])
    await store.readChatView(database, chatId, owner, { ...after, sinceVersion });
  const filter = { archived: false, titleContains: [], labels: {} };
  await store.listChats(database, owner, { filter, after: position, limit: 50 });
  const seen = await store.readSnapshot(database);
  await store.readChatChanges(database, owner, { seen, round: undefined }, 100);
  await store.readOwner(database, chatId, 10_000);
}

async function writeAsMachine(tx: store.Queryable, { owner, idle, workerId }: Subjects): Promise<void> {
  const [chatId] = idle;
  const key = { owner, key: randomUUID(), requestHash: Buffer.from("a"), response: Buffer.from("b") };
  await store.claimIdempotencyKey(tx, owner, key.key);
  await store.saveIdempotencyKey(tx, key);
  const row = await store.lockChat(tx, chatId, owner);
  if (row === undefined) throw new Error("there is no such chat");
  await store.readChatRow(tx, chatId);
  await store.readChatExtras(tx, chatId, 10_000, "if-orphaned");
  await store.readMessageRole(tx, chatId, 1);
  const idleColumns = { ...columnsOf(row), status: "waiting", error: undefined } as const;
  await store.updateChat(tx, chatId, idleColumns, { title: "t" }, true);
  const identity = { id: randomUUID(), owner, title: "t", labels: { a: "b" } };
  await store.insertChat(tx, identity, idleColumns);
  await store.hideMessagesFrom(tx, chatId, row.last_message_id);
  const parts = [{ type: "text" as const, text: "x" }];
  const message = {
    id: row.last_message_id + 1,
    role: "user",
    parts,
    visibility: "both",
    interrupted: false,
  } as const;
  const messages = [{ ...message, model: "m", author: owner, usage: undefined }];
  await store.insertMessages(tx, chatId, row.snapshot_version + 1, messages);
  const { snapshotVersion } = idleColumns;
  let nextId = row.last_message_id + 2;
  const write = async (count: number, mayHaveDeltas: boolean, unless?: { owner: string; key: string }) => {
    const added = messages.slice(0, count).map((each) => ({ ...each, id: nextId++ }));
    const change = { snapshotVersion, chat: idleColumns, touch: true, messages: added, mayHaveDeltas };
    await store.changeChat(tx, chatId, { ...change, unless });
  };
  for (const count of [0, 1]) for (const mayHaveDeltas of [false, true]) await write(count, mayHaveDeltas);
  await write(1, false, { owner, key: "a key" });
  await store.upsertQueuedMessage(tx, chatId, { id: 900, position: 1, parts, model: "m", author: owner });
  await store.deleteQueuedMessages(tx, chatId, [900]);
  const options = { leaseMs: 10_000, limit: 4, workerId, running: [chatId], except: [randomUUID()] };
  await store.lockRunnableChats(tx, options);
  await store.lockUnownedChats(tx, options);
  await store.readExpiredActions(tx, 100);
}

function columnsOf(row: store.ChatRow): store.ChatColumns {
  return {
    archived: row.archived,
    model: row.model,
    status: row.status,
    error: undefined,
    retry: undefined,
    actionDeadline: undefined,
    openCalls: [],
    compactionRequested: false,
    workerId: undefined,
    leaseEpoch: row.lease_epoch,
    snapshotVersion: row.snapshot_version,
    historyVersion: row.history_version,
    queueVersion: row.queue_version,
    retryVersion: row.retry_version,
    metadataVersion: row.metadata_version,
    resetVersion: row.reset_version,
    generationAttempt: row.generation_attempt,
    lastMessageId: row.last_message_id,
    lastQueueId: row.last_queue_id,
  };
}

async function checkpoint(database: store.Database, { running, workerId }: Subjects): Promise<void> {
  const episode = { chatId: running, historyVersion: 1, generationAttempt: 1 };
  const part = { $typeName: "palaver.chat.v1.Part", kind: { case: undefined } } as const;
  const delta = { firstSeq: 1, seq: 1, role: Role.ASSISTANT, block: 0, part } as const;
  const chunk = { firstSeq: 1, lastSeq: 1, deltas: [delta] };
  await store.appendCheckpoints(database, workerId, [{ ...episode, ...chunk, leaseEpoch: 1 }]);
  await store.replaceCheckpointDeltas(database, episode, chunk);
  const parts = [{ type: "text" as const, text: "x" }];
  await store.writeCheckpoint(database, episode, { role: "assistant", parts });
  await store.deleteCheckpoint(database, running);
}

async function keepFiles(database: store.Database, subjects: Subjects): Promise<void> {
  const { owner, idle, fileId, unnamedFileId } = subjects;
  const files = store.databaseFiles(database);
  const data = Buffer.from("bytes");
  await files.put({ id: randomUUID(), owner, name: "n", mediaType: "text/plain", data }, () => true);
  const found = await files.find(fileId, owner);
  if (found === undefined) throw new Error("there is no such file");
  for await (const _chunk of files.read(found));
  await files.forChat(idle[0], [fileId], 1_000_000);
  await files.delete(unnamedFileId, owner);
  await database.transaction(async (tx) => {
    const locked = await store.lockFiles(tx, [fileId], owner);
    await store.linkFiles(tx, idle[1], [...locked.keys()]);
  });
}

async function importRows(database: store.Database, { idle }: Subjects): Promise<void> {
  const row = { id: 10_000, role: "user", content: "[]", contentVersion: 2, visibility: "both" } as const;
  const flags = { compressed: false, hiddenAt: undefined, interrupted: false };
  const unknown = { model: undefined, author: undefined, usage: undefined, createdAt: undefined };
  await store.insertRawMessages(database, idle[1], 1, [{ ...row, ...flags, ...unknown }]);
}

async function deleteLikeMachine(tx: store.Queryable, { idle }: Subjects): Promise<void> {
  await store.deleteFilesOfChat(tx, idle[1]);
  await store.deleteChat(tx, idle[1]);
}

async function keepTokens(database: store.Database): Promise<void> {
  const id = randomUUID();
  const token = {
    id,
    name: "n",
    owner: "o",
    role: "user",
    secretHash: Buffer.from("h"),
    expiresAt: undefined,
  } as const;
  await store.insertToken(database, token);
  await store.listTokens(database);
  await store.findToken(database, id);
  await store.touchToken(database, id);
  await store.revokeToken(database, id);
}

async function runReplica(database: store.Database, { workerId }: Subjects): Promise<void> {
  await store.readClusterSecret(database, "test", systemRandom);
  const replica = { id: workerId, advertisedUrl: "", version: "test", capacity: 1, turns: 0 };
  await store.writeHeartbeat(database, { ...replica, clockAt: new Date(0) });
  await store.listReplicas(database);
  await store.readStuckLeases(database, { leaseMs: 10_000, patienceMs: 10_000, limit: 10 });
  await store.removeOutdated(database);
  await store.removeOtherReplicas(database, workerId);
  await store.removeReplica(database, workerId);
}
