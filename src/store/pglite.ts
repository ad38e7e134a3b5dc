import { join } from "node:path";
import type { PGlite, Transaction } from "@electric-sql/pglite";
import { columnDecoder } from "./columns.js";
import {
  type Connection,
  maxTransactionAttempts,
  OpenTransaction,
  StatementNames,
  type StatementResult,
  transactionModes,
} from "./connection.js";
import { acquireDataDirLock, type DataDirLock } from "./data-dir-lock.js";
import type {
  Database,
  Transaction as DatabaseTransaction,
  Statement,
  TransactionOptions,
} from "./database.js";
import { DatabaseError, hasSqlState, isConflict, noLonger, toDatabaseError } from "./database-error.js";
import { encodeParameters, type Parameter } from "./parameters.js";

export interface PgliteOptions {
  /** The folder for the data, created if need be, for this process alone. Undefined: in memory, gone on close. */
  readonly dataDir: string | undefined;
  /** What a database in memory begins with, as PGlite's `dumpDataDir` gives it. Default: nothing, which takes seconds to make. */
  readonly contents?: Blob;
}

/**
 * Postgres inside this process. One connection: statements and transactions run one after the other. There is no
 * statement time limit, and a long statement blocks the process.
 *
 * @throws StoreError DATA_DIR_IN_USE when another process has the folder open
 */
export async function openPglite({ dataDir, contents }: PgliteOptions): Promise<Database> {
  const lock = dataDir === undefined ? undefined : await acquireDataDirLock(dataDir);
  try {
    // Loaded on demand: a replica on a Postgres server has no use for 27 MB of WebAssembly.
    const { PGlite } = await import("@electric-sql/pglite");
    // initdb wants a folder of its own.
    const pglite = await PGlite.create(
      dataDir === undefined
        ? { ...(contents && { loadDataDir: contents }) }
        : { dataDir: join(dataDir, "pgdata") },
    );
    // The parameters come encoded and the columns go through our decoders, so its own conversions are replaced.
    for (const oid of Object.keys(pglite.parsers)) pglite.parsers[oid] = columnDecoder(Number(oid));
    for (const oid of Object.keys(pglite.serializers)) pglite.serializers[oid] = (value) => value as string;
    return new PgliteDatabase(pglite, lock);
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

class PgliteDatabase implements Database {
  readonly kind = "pglite";
  readonly #pglite: PGlite;
  readonly #lock: DataDirLock | undefined;
  readonly #names = new StatementNames();
  readonly #autocommit: Connection;
  #closed: Promise<void> | undefined;

  constructor(pglite: PGlite, lock: DataDirLock | undefined) {
    this.#pglite = pglite;
    this.#lock = lock;
    this.#autocommit = this.#connection(pglite);
  }

  async query<Row extends object>(statement: Statement, values: readonly Parameter[] = []): Promise<Row[]> {
    this.#assertOpen();
    return (await this.#autocommit.run(statement, values)).rows as Row[];
  }

  async execute(statement: Statement, values: readonly Parameter[] = []): Promise<number> {
    this.#assertOpen();
    return (await this.#autocommit.run(statement, values)).rowCount;
  }

  async script(text: string): Promise<void> {
    this.#assertOpen();
    await this.#autocommit.runScript(text);
  }

  async transaction<T>(
    work: (transaction: DatabaseTransaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      this.#assertOpen();
      try {
        return await this.#transactOnce(work, options);
      } catch (error) {
        // With one connection nothing conflicts, but work may say so itself, and its tests expect what Postgres does.
        if (attempt === maxTransactionAttempts || !isConflict(error)) throw error;
      }
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** There is no server between us and the answer. */
  abandon(): void {
    void this.close().catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      await this.#pglite.close(); // waits for the statements and transactions before it
    } finally {
      await this.#lock?.release();
    }
  }

  async #transactOnce<T>(
    work: (transaction: DatabaseTransaction) => Promise<T>,
    options: TransactionOptions,
  ): Promise<T> {
    let failure: { readonly error: unknown } | undefined;
    try {
      return await this.#pglite.transaction(async (inner) => {
        const modes = transactionModes(options);
        if (modes !== "") await inner.exec(`set transaction ${modes}`);
        const transaction = new OpenTransaction(this.#connection(inner));
        try {
          return await work(transaction);
        } catch (error) {
          failure = { error };
          throw error;
        } finally {
          await transaction.settle();
        }
      });
    } catch (error) {
      throw failure === undefined ? fromPglite(error) : failure.error;
    }
  }

  #connection(engine: PGlite | Transaction): Connection {
    return {
      run: async (statement, values): Promise<StatementResult> => {
        this.#names.check(statement);
        const encoded = encodeParameters(values);
        try {
          const { rows, affectedRows } = await engine.query<object>(statement.text, encoded);
          return { rows, rowCount: affectedRows ?? 0 };
        } catch (error) {
          throw fromPglite(error, statement.name);
        }
      },
      runScript: async (text) => {
        try {
          await engine.exec(text);
        } catch (error) {
          throw fromPglite(error);
        }
      },
    };
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw noLonger("closed");
  }
}

function fromPglite(error: unknown, statement?: string): DatabaseError {
  if (hasSqlState(error)) {
    // PGlite hangs the parameters on its errors, and the error becomes a cause that may be logged.
    Object.assign(error as object, { params: undefined });
    return toDatabaseError(error, "in transaction", statement);
  }
  if (error instanceof DatabaseError) return error; // our own column decoder threw
  // No SQLSTATE and no network in between: the engine itself broke down, or its disk did.
  const what = error instanceof Error ? error.message : String(error);
  return new DatabaseError(`database: the embedded engine failed: ${what}`, { statement, cause: error });
}
