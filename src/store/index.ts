export type { Database, Queryable, Statement, Transaction, TransactionOptions } from "./database.js";
export { DatabaseError } from "./database-error.js";
export {
  type AppliedMigration,
  migrate,
  type MigrateOptions,
  type MigrateResult,
  type MigrationStatus,
  migrationStatus,
} from "./migrate.js";
export { loadMigrations, type Migration } from "./migration-files.js";
export type { Parameter } from "./parameters.js";
export { openPglite, type PgliteOptions } from "./pglite.js";
export { openPostgres, type PostgresOptions } from "./postgres.js";
export { StoreError, type StoreErrorReason } from "./store-error.js";
export {
  type ChatViewRecord,
  type Owner,
  readChat,
  readChatView,
  readHistory,
  readMessages,
} from "./chat-queries.js";
export { type ChatHead, readChatHeads } from "./chat-head-queries.js";
export {
  appendCheckpoints,
  deleteCheckpoint,
  type LeasedChunk,
  replaceCheckpointDeltas,
  writeCheckpoint,
} from "./checkpoint-queries.js";
export { type ChatRow, decodeChat, decodeOpenCalls } from "./chat-rows.js";
export {
  type ChatExtras,
  type DeltasWanted,
  lockChat,
  lockRunnableChats,
  lockUnownedChats,
  readChatExtras,
  readChatRow,
} from "./chat-locks.js";
export {
  type ChatColumns,
  type ChatMetadata,
  deleteChat,
  deleteQueuedMessages,
  hideMessagesFrom,
  insertChat,
  insertMessages,
  readExpiredActions,
  readMessageRole,
  changeChat,
  updateChat,
  upsertQueuedMessage,
} from "./chat-writes.js";
export {
  type ChatOwnerRecord,
  listReplicas,
  readOwner,
  type ReplicaRecord,
} from "./cluster-directory.js";
export { findClusterSecret, readClusterSecret } from "./cluster-secret.js";
export { readStuckLeases, type StuckLease } from "./cluster-stuck-leases.js";
export {
  type Heartbeat,
  refreshStatistics,
  removeOtherReplicas,
  removeOutdated,
  removeReplica,
  writeHeartbeat,
} from "./replica-queries.js";
export { type ChatFilter, type ChatListPosition, type ChatStatusName, listChats } from "./list-chats.js";
export {
  findToken,
  insertToken,
  listTokens,
  type NewToken,
  revokeToken,
  type TokenRecord,
  touchToken,
} from "./token-queries.js";
export { claimIdempotencyKey, saveIdempotencyKey } from "./idempotency-queries.js";
export { databaseFiles, type Files } from "./files.js";
export { deleteFilesOfChat, type FileRecord, linkFiles, lockFiles } from "./file-queries.js";
export { insertRawMessages, type RawMessage } from "./import-queries.js";
export { jsonbFault } from "./jsonb-fault.js";
export {
  type ChatChange,
  type ChatChanges,
  type ChatChangesPosition,
  readChatChanges,
  readSnapshot,
} from "./chat-list-queries.js";
