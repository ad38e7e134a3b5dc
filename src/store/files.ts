import type { Owner } from "./chat-queries.js";
import type { Database } from "./database.js";
import {
  deleteFile,
  type FileContent,
  type FileRecord,
  insertFile,
  type NewFile,
  readFile,
  readFileBytes,
  readFilesForChat,
  readUnnamedFiles,
  type UnnamedFiles,
} from "./file-queries.js";

/**
 * Where uploaded files are kept; nobody else knows that it is the database. That a chat names a file is said elsewhere, in the
 * transaction that commits the message (`lockFiles`, `linkFiles`).
 */
export interface Files {
  /** What an owner has uploaded and not yet named in a message. */
  unnamed(owner: string): Promise<UnnamedFiles>;
  /** Stores a file whole or not at all; undefined when `accepts` says no to what its owner would then have unnamed. */
  put(file: NewFile, accepts: (unnamed: UnnamedFiles) => boolean): Promise<FileRecord | undefined>;
  find(id: string, owner: Owner): Promise<FileRecord | undefined>;
  /** The bytes in order, read as they are asked for. Ends before `sizeBytes` when the file is deleted meanwhile. */
  read(file: FileRecord): AsyncIterable<Uint8Array>;
  /** Whether there was such a file. */
  delete(id: string, owner: string): Promise<boolean>;
  /** Those that belong to the owner of the chat, in the given order for as long as they fit into `maxBytes` together. */
  forChat(
    chatId: string,
    ids: readonly string[],
    maxBytes: number,
  ): Promise<ReadonlyMap<string, FileContent>>;
}

const chunkBytes = 256 * 1024;

/** Files in the database. */
export function databaseFiles(database: Database): Files {
  return {
    unnamed: (owner) => readUnnamedFiles(database, owner),
    put: (file, accepts) => insertFile(database, file, accepts),
    find: (id, owner) => readFile(database, id, owner),
    read: (file) => readFileBytes(database, file, chunkBytes),
    delete: (id, owner) => deleteFile(database, id, owner),
    forChat: (chatId, ids, maxBytes) => readFilesForChat(database, chatId, ids, maxBytes),
  };
}
