import type { Parameter } from "./parameters.js";

/**
 * A statement with a stable name, so that it is parsed and planned once per connection.
 *
 * The name is unique within the program and has at most 63 bytes. List the columns you want: after a migration of a
 * newer replica, a prepared `select *` fails once per connection.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/**
 * Whatever runs statements: a {@link Database}, where each statement commits by itself, or an open transaction.
 *
 * Columns come back the same from both engines: int2, int4, int8, oid and floats as `number`, boolean as `boolean`, timestamptz
 * as `Date` (whole milliseconds), bytea as `Uint8Array`, arrays of these as arrays. **Everything else is Postgres' own
 * text**: json and jsonb (integers above 2^53 must survive, so the caller parses), uuid, date, timestamp, and numeric, which
 * is also what `sum(int8)` and `avg()` give: cast them.
 *
 * Every failure of the database is a `DatabaseError`.
 */
export interface Queryable {
  /** The rows that the statement returns. `Row` is a promise of the caller: nothing checks it. */
  query<Row extends object>(statement: Statement, values?: readonly Parameter[]): Promise<Row[]>;
  /** Runs an insert, update, delete or merge; returns how many rows it changed. */
  execute(statement: Statement, values?: readonly Parameter[]): Promise<number>;
  /**
   * Runs any number of statements separated by semicolons, without parameters, results or time limit on our side. For
   * migrations and the preparation of tests. Outside a transaction the statements of one script commit together,
   * unless the script itself says otherwise.
   */
  script(text: string): Promise<void>;
}

export interface TransactionOptions {
  readonly readOnly?: boolean;
  /** Default: read committed. */
  readonly isolation?: "repeatable read" | "serializable";
}

export interface Database extends Queryable, AsyncDisposable {
  readonly kind: "postgres" | "pglite";
  /**
   * Runs `work` in one transaction: commits when it resolves, rolls back when it rejects, with that same error.
   *
   * After a serialization failure or a deadlock `work` runs again, up to five times in all: it must have no effects
   * outside the transaction. The statements of one transaction run one after the other even if `work` does not await
   * them; after `work` has settled, the transaction refuses further ones.
   *
   * Inside `work` use the transaction alone. A call to the database itself waits for a second connection, which can
   * starve a Postgres pool and always deadlocks PGlite, which has only one.
   *
   * @throws DatabaseError 25P02 when `work` caught a database error and went on: nothing was committed
   */
  transaction<T>(work: (transaction: Queryable) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Refuses new work, waits for what runs, then releases connections and files. May be called again. */
  close(): Promise<void>;
  /**
   * Refuses new work, and whatever waits for a server fails now: for whoever closes it and cannot wait for a server that does not answer.
   * What was on its way may be committed or not.
   */
  abandon(): void;
}
