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
  /**
   * Planned for its values each time, and not once for all: for a statement whose best plan depends on them, such as on whose rows it asks for.
   * A plan for all values goes by averages, and what suits most owners may sort everything that a large one has. Costs the planning each time.
   */
  readonly planEachTime?: boolean;
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

export interface Transaction extends Queryable {
  /**
   * Calls the last statements, and has the commit travel with them: that saves a round trip. `last` calls all of them before it first waits,
   * and nothing that comes after may fail: if the statements did not, they are committed then, whatever becomes of `work`.
   */
  finish<T>(last: () => Promise<T>): Promise<T>;
}

export interface TransactionOptions {
  readonly readOnly?: boolean;
  /** Default: read committed. */
  readonly isolation?: "repeatable read" | "serializable";
  /**
   * The statements that `work` calls before it first waits change nothing. They may then travel together with the beginning, and would, if just
   * that fails, have run without a transaction. All later ones run within it or not at all.
   */
  readonly beginsWithReads?: boolean;
}

export interface Database extends Queryable, AsyncDisposable {
  readonly kind: "postgres" | "pglite";
  /**
   * Runs `work` in one transaction: commits when it resolves, rolls back when it rejects, with that same error.
   *
   * After a serialization failure or a deadlock `work` runs again, up to five times in all: it must have no effects
   * outside the transaction. The statements of one transaction run one after the other even if `work` does not await
   * them; after `work` has settled, the transaction refuses further ones. Those that are called together travel together, and cost one round
   * trip: await them with `Promise.all`, since after one that fails the others fail too.
   *
   * Inside `work` use the transaction alone. A call to the database itself waits for a second connection, which can
   * starve a Postgres pool and always deadlocks PGlite, which has only one.
   *
   * @throws DatabaseError 25P02 when `work` caught a database error and went on: nothing was committed
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Refuses new work, waits for what runs, then releases connections and files. May be called again. */
  close(): Promise<void>;
  /**
   * Refuses new work, and whatever waits for a server fails now: for whoever closes it and cannot wait for a server that does not answer.
   * What was on its way may be committed or not.
   */
  abandon(): void;
}
