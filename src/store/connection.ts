import { DatabaseError } from "./database-error.js";
import type { Statement, Transaction, TransactionOptions } from "./database.js";
import type { Parameter } from "./parameters.js";

export interface StatementResult {
  readonly rows: readonly object[];
  readonly rowCount: number;
}

/** What an engine provides to run a transaction on; its failures are DatabaseErrors already. */
export interface Connection {
  run(statement: Statement, values: readonly Parameter[]): Promise<StatementResult>;
  runScript(text: string): Promise<void>;
}

/**
 * The transaction as its work sees it: statements run one after the other in the order of the calls, and none runs
 * once the work has settled, so a forgotten promise cannot slip into whatever the connection does next.
 *
 * `commit` stands for a connection that keeps them in order by itself: then none waits here for the answer to the one before, and the commit
 * goes the same way. Without it, whoever opened the transaction commits it.
 */
export class OpenTransaction<Outcome = never> implements Transaction {
  readonly #connection: Connection;
  readonly #commit: (() => Promise<Outcome>) | undefined;
  #committed: Promise<Outcome> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #failed: DatabaseError | undefined;
  #open = true;

  constructor(connection: Connection, options: { readonly commit?: () => Promise<Outcome> } = {}) {
    this.#connection = connection;
    this.#commit = options.commit;
  }

  /** The answer to the commit, once that was sent: what {@link OpenTransaction.finish} does where it can. */
  get committed(): Promise<Outcome> | undefined {
    return this.#committed;
  }

  async query<Row extends object>(statement: Statement, values: readonly Parameter[] = []): Promise<Row[]> {
    const { rows } = await this.#inTurn(() => this.#connection.run(statement, values));
    return rows as Row[];
  }

  async execute(statement: Statement, values: readonly Parameter[] = []): Promise<number> {
    return (await this.#inTurn(() => this.#connection.run(statement, values))).rowCount;
  }

  script(text: string): Promise<void> {
    return this.#inTurn(() => this.#connection.runScript(text));
  }

  async finish<T>(last: () => Promise<T>): Promise<T> {
    const result = last();
    this.#open = false;
    this.#committed = this.#commit?.();
    // Whoever opened the transaction looks at it when the work is done.
    this.#committed?.catch(() => undefined);
    return result;
  }

  /** Refuses further statements and resolves when those already called have settled. */
  async settle(): Promise<void> {
    this.#open = false;
    await this.#last;
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (!this.#open) return Promise.reject(new DatabaseError("database: the transaction is over"));
    const result = (this.#commit === undefined ? this.#last.then(run) : run()).catch((error: unknown) => {
      throw this.#firstFailure(error);
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** After one statement has failed the others fail for that alone: whoever looks at one of those first is told the reason. */
  #firstFailure(error: unknown): unknown {
    if (!(error instanceof DatabaseError)) return error;
    if (error.code === inFailedTransaction && this.#failed !== undefined) return this.#failed;
    this.#failed ??= error;
    return error;
  }
}

/** `isolation level … read only`, to follow `begin` or `set transaction`; empty when all is default. */
export function transactionModes({ isolation, readOnly }: TransactionOptions): string {
  const modes = [];
  if (isolation !== undefined) modes.push(`isolation level ${isolation}`);
  if (readOnly === true) modes.push("read only");
  return modes.join(" ");
}

/** The SQLSTATE of statements after one that failed. */
export const inFailedTransaction = "25P02";

/** How often a transaction is tried before its conflict with others is given to the caller. */
export const maxTransactionAttempts = 5;

/**
 * Makes sure that a statement's name means one text. Drivers notice only when both meet on one connection, so without
 * this a clash would show at random.
 */
export class StatementNames {
  readonly #texts = new Map<string, string>();

  /** @throws TypeError on a clash, or on a name that Postgres would cut off */
  check({ name, text }: Statement): void {
    const known = this.#texts.get(name);
    if (known === text) return;
    if (known !== undefined) throw new TypeError(`two statements are named "${name}"`);
    if (name === "" || Buffer.byteLength(name) > 63)
      throw new TypeError(`"${name}" is no name for a statement`);
    this.#texts.set(name, text);
  }
}
