import pg from "pg";
import { systemClock, Wakeup } from "../platform/index.js";
import { columnDecoder } from "./columns.js";
import {
  type Connection,
  inFailedTransaction,
  maxTransactionAttempts,
  OpenTransaction,
  StatementNames,
  type StatementResult,
  transactionModes,
} from "./connection.js";
import type { Database, Statement, Transaction, TransactionOptions } from "./database.js";
import {
  DatabaseError,
  type FailedPhase,
  isConflict,
  noLonger,
  spoilsConnection,
  toDatabaseError,
} from "./database-error.js";
import { encodeParameters, type Parameter } from "./parameters.js";
import { StoreError } from "./store-error.js";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?…`, as libpq has it. */
  readonly url: string;
  /** The most connections held at once. Default 10. */
  readonly poolSize?: number;
  /** How long a statement may take before the server cancels it. Default 30 s. */
  readonly statementTimeoutMs?: number;
  /** How long to wait for a connection, a new one or a free one. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** Shown in `pg_stat_activity`. Default "palaver". */
  readonly applicationName?: string;
  /** Told when an idle connection is lost, for the log. Nothing needs to be done: the next query opens another. */
  readonly onConnectionLost?: (error: DatabaseError) => void;
}

/**
 * A pool of connections to a Postgres server. Connects on first use, so this succeeds while the server is down.
 *
 * @throws StoreError DATABASE_URL_INVALID
 */
export function openPostgres(options: PostgresOptions): Database {
  return new PostgresDatabase(options);
}

/**
 * How long a transaction may lie idle: the row locks of a replica that stands still in the middle of one, or is cut off, are gone before its
 * lease has run out.
 */
const idleTransactionMs = 10_000;
/** How much longer than the server we wait before we take the connection for dead. */
const answerGraceMs = 5_000;
/** How long closing waits for servers to see our connections end; one that has vanished never does. */
const goodbyeMs = 1_000;

class PostgresDatabase implements Database {
  readonly kind = "postgres";
  readonly #pool: pg.Pool;
  readonly #connected = new Set<pg.PoolClient>();
  readonly #disconnected = new Wakeup();
  /** How many statements and transactions have, or wait for, a connection. */
  #lent = 0;
  readonly #returned = new Wakeup();
  readonly #names = new StatementNames();
  readonly #answerTimeoutMs: number;
  #closed: Promise<void> | undefined;
  /** Whoever waits for a connection. */
  readonly #connecting = new Set<(error: DatabaseError) => void>();
  /** Aborts when no answer is waited for any more. */
  readonly #abandoned = new AbortController();

  constructor(options: PostgresOptions) {
    const statementTimeoutMs = options.statementTimeoutMs ?? 30_000;
    this.#answerTimeoutMs = statementTimeoutMs + answerGraceMs;
    const config: pg.PoolConfig = {
      connectionString: options.url,
      max: options.poolSize ?? 10,
      connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
      statement_timeout: statementTimeoutMs,
      idle_in_transaction_session_timeout: Math.min(statementTimeoutMs, idleTransactionMs),
      application_name: options.applicationName ?? "palaver",
      keepAlive: true,
      pipeline: true,
      types: { getTypeParser: columnDecoder as typeof pg.types.getTypeParser },
    };
    assertUsable(config);
    this.#pool = new pg.Pool(config);
    this.#pool.on("error", (error) => {
      if (this.#closed === undefined && !this.#abandoned.signal.aborted)
        options.onConnectionLost?.(toDatabaseError(error, "in transaction"));
    });
    this.#pool.on("connect", (client) => {
      this.#connected.add(client);
      // Between the pool and whoever borrows it nobody else listens, and an error that is not heard ends the process. The next statement fails.
      client.on("error", () => undefined);
    });
    this.#pool.on("remove", (client) => {
      this.#connected.delete(client);
      this.#disconnected.notify();
    });
  }

  async query<Row extends object>(statement: Statement, values: readonly Parameter[] = []): Promise<Row[]> {
    const { rows } = await this.#lend((client) =>
      this.#connection(client, "committing").run(statement, values),
    );
    return rows as Row[];
  }

  async execute(statement: Statement, values: readonly Parameter[] = []): Promise<number> {
    return (await this.#lend((client) => this.#connection(client, "committing").run(statement, values)))
      .rowCount;
  }

  script(text: string): Promise<void> {
    return this.#lend((client) => this.#connection(client, "committing").runScript(text));
  }

  async transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#lend((client) => this.#transactOnce(client, work, options));
      } catch (error) {
        if (attempt === maxTransactionAttempts || !isConflict(error)) throw error;
      }
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  abandon(): void {
    const error = noLonger("given up, since there was no time left");
    this.#abandoned.abort(error);
    for (const fail of this.#connecting) fail(error);
    this.#connecting.clear();
    for (const client of this.#connected) client.connection.stream.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const patience = new AbortController();
    // Before the pool ends: an ending pool forgets those who wait for a connection.
    while (this.#lent > 0) await this.#returned.wait(patience.signal);
    const { signal } = this.#abandoned;
    const abandoned = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    // It waits for connections that are being made.
    await Promise.race([this.#pool.end(), abandoned]);
    // The pool has begun to close its connections, and does not wait.
    using _timer = systemClock.timer(goodbyeMs, () => patience.abort());
    while (this.#connected.size > 0 && !patience.signal.aborted)
      await this.#disconnected.wait(patience.signal);
  }

  async #transactOnce<T>(
    client: LentClient,
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions,
  ): Promise<T> {
    const begin = { text: `begin ${transactionModes(options)}` };
    let failure: { readonly error: unknown } | undefined;
    const begun = this.#send(client, begin, "in transaction").catch((error: unknown) => {
      failure = { error };
    });
    // Answers come in order: whoever has had one knows whether the transaction began.
    const assertBegun = (): void => {
      if (failure !== undefined) throw failure.error;
    };
    const connection = this.#connection(client, "in transaction", assertBegun);
    const commit = (): Promise<pg.QueryResult> => this.#send(client, { text: "commit" }, "committing");
    const transaction = new OpenTransaction(connection, { commit });
    let result: T;
    try {
      if (options.beginsWithReads !== true) {
        await begun;
        assertBegun();
      }
      result = await work(transaction);
      await transaction.settle();
      assertBegun();
    } catch (error) {
      await transaction.settle();
      // If no answer came, that of the commit did not come either, and nobody knows.
      if (transaction.committed !== undefined) await transaction.committed;
      // A spoilt connection will be closed, whereupon the server rolls back by itself.
      else if (!client.spoilt)
        await this.#send(client, { text: "rollback" }, "in transaction").catch(() => client.spoil());
      throw error;
    }
    const { command } = await (transaction.committed ?? commit());
    if (command !== "COMMIT") {
      throw new DatabaseError("database: a statement had failed, so the transaction was rolled back", {
        code: inFailedTransaction,
      });
    }
    return result;
  }

  #connection(client: LentClient, phase: FailedPhase, mayRun: () => void = () => undefined): Connection {
    return {
      run: async (statement, values): Promise<StatementResult> => {
        mayRun();
        this.#names.check(statement);
        const { name, text, planEachTime = false } = statement;
        // One without a name is planned anew.
        const query = { ...(!planEachTime && { name }), text, values: encodeParameters(values) };
        const { rows, rowCount } = await this.#send(client, query, phase, name);
        return { rows: rows as object[], rowCount: rowCount ?? 0 };
      },
      runScript: async (text) => {
        mayRun();
        await client.send({ text }).catch((error: unknown) => {
          throw toDatabaseError(error, phase);
        });
      },
    };
  }

  /** Sends one statement, with a time limit in case the server has vanished without a word. */
  async #send(
    client: LentClient,
    query: pg.QueryConfig,
    phase: FailedPhase,
    name?: string,
  ): Promise<pg.QueryResult> {
    try {
      const limited = { ...query, query_timeout: this.#answerTimeoutMs };
      return await client.send(limited);
    } catch (error) {
      throw toDatabaseError(error, phase, name);
    }
  }

  async #lend<T>(use: (client: LentClient) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw noLonger("closed");
    this.#abandoned.signal.throwIfAborted();
    this.#lent += 1;
    let client: LentClient | undefined;
    try {
      client = new LentClient(await this.#connect());
      return await use(client);
    } finally {
      client?.release();
      this.#lent -= 1;
      this.#returned.notify();
    }
  }

  #connect(): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      this.#connecting.add(reject);
      this.#pool.connect().then(
        (client) => {
          if (this.#connecting.delete(reject)) resolve(client);
          else client.release(true);
        },
        (error: unknown) => {
          this.#connecting.delete(reject);
          reject(toDatabaseError(error, "connecting"));
        },
      );
    });
  }
}

/** A connection on loan from the pool, which goes back to it only if it is still good. */
class LentClient {
  readonly #client: pg.PoolClient;
  #spoilt = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
    // A connection that is lost between two statements announces it here; unheard, that would end the process.
    client.on("error", this.spoil);
  }

  get spoilt(): boolean {
    return this.#spoilt;
  }

  readonly spoil = (): void => {
    this.#spoilt = true;
  };

  async send(query: pg.QueryConfig): Promise<pg.QueryResult> {
    // What is called together goes out together.
    const { stream } = this.#client.connection;
    stream.cork();
    queueMicrotask(() => stream.uncork());
    try {
      return await this.#client.query(query);
    } catch (error) {
      if (spoilsConnection(error)) this.spoil();
      throw error;
    }
  }

  release(): void {
    // The pool listens again before we stop.
    this.#client.release(this.#spoilt);
    this.#client.off("error", this.spoil);
  }
}

/** @throws StoreError when the driver cannot read the URL; its own error may quote the password */
function assertUsable(config: pg.PoolConfig): void {
  try {
    if (!/^postgres(ql)?:\/\//.test(config.connectionString ?? "")) throw new Error("scheme");
    new pg.Client(config);
  } catch {
    throw new StoreError(
      "DATABASE_URL_INVALID",
      "The database URL cannot be read. It has the form postgres://user:password@host:5432/database; " +
        "characters such as @ : / ? # in the password must be percent-encoded.",
    );
  }
}
