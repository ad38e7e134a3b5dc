export type { Database, Queryable, Statement, TransactionOptions } from "./database.js";
export { DatabaseError } from "./database-error.js";
export {
  type AppliedMigration,
  migrate,
  type MigrateOptions,
  type MigrateResult,
  type MigrationStatus,
  migrationStatus,
} from "./migrate.js";
export type { Migration } from "./migration-files.js";
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
export { type ChatRow, decodeChat, decodeOpenCalls } from "./chat-rows.js";
export {
  type ChatColumns,
  type ChatExtras,
  type ChatMetadata,
  deleteChat,
  deleteCheckpoint,
  deleteQueuedMessages,
  hideMessagesFrom,
  insertChat,
  insertMessages,
  lockChat,
  lockRunnableChats,
  readChatExtras,
  readChatRow,
  readExpiredActions,
  readMessageRole,
  updateChat,
  upsertQueuedMessage,
  writeCheckpoint,
} from "./chat-writes.js";
export { removeOtherReplicas, removeOutdated, removeReplica, writeHeartbeat } from "./replica-queries.js";
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
