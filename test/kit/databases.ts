import { expect } from "vitest";
import { type Database, migrate, openPglite, openPostgres } from "../../src/store/index.js";
import { pgliteTemplate } from "./pglite-template.js";
import { createTestDatabase } from "./postgres.js";

/**
 * Both database engines. What works on one must work on the other, so suites loop over them:
 *
 * ```ts
 * describe.each(engines)("messages on %s", (engine) => {
 *   test("a message is read back as written", async () => {
 *     await using opened = await openTestDatabase(engine);
 *     await opened.database.query(…);
 *   });
 * });
 * ```
 */
export const engines = ["postgres", "pglite"] as const;

export type Engine = (typeof engines)[number];

/** A database of one test. Disposing it closes it and removes its data; a test may close `database` itself. */
export interface OpenTestDatabase extends AsyncDisposable {
  readonly database: Database;
  /** For a second handle on the same data, which the test closes before this one; PGlite has none. */
  readonly url: string | undefined;
}

export interface TestDatabaseOptions {
  /** Whether to apply the program's migrations. Default true. */
  readonly migrate?: boolean;
  /** Postgres only. */
  readonly poolSize?: number;
}

/**
 * Opens a fresh database, with the program's tables but without rows. Those that are open at the same time are separate.
 *
 * The first one takes 0.3 s, later ones tens of milliseconds, because one that is disposed is emptied and used again. Emptied means: its schema `public` is replaced. A test that creates other
 * schemas, roles or settings of the database cleans up itself.
 */
export async function openTestDatabase(
  engine: Engine,
  { migrate: migrated = true, poolSize }: TestDatabaseOptions = {},
): Promise<OpenTestDatabase> {
  const opened = engine === "postgres" ? await openOnPostgres(poolSize) : await openOnPglite();
  try {
    if (migrated) await migrate(opened.database);
    return opened;
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

/** What disposed databases leave for the next test, in whichever file of this worker. They end with the run. */
const sparePostgres: Awaited<ReturnType<typeof createTestDatabase>>[] = [];
/** Likewise, but of one file: an engine knows for good which statement has which name, and files have names of their own. */
let sparePglite: { readonly file: string | undefined; readonly databases: Database[] } = {
  file: undefined,
  databases: [],
};

async function openOnPostgres(poolSize: number | undefined): Promise<OpenTestDatabase> {
  const data = sparePostgres.pop() ?? (await createTestDatabase());
  const database = openPostgres({ url: data.url, ...(poolSize !== undefined && { poolSize }) });
  return {
    database,
    url: data.url,
    [Symbol.asyncDispose]: once(async () => {
      await database.close();
      await using cleaner = openPostgres({ url: data.url, poolSize: 1, statementTimeoutMs: 5_000 });
      if (await empty(cleaner)) sparePostgres.push(data);
      else await data.drop();
    }),
  };
}

async function openOnPglite(): Promise<OpenTestDatabase> {
  const { testPath: file } = expect.getState();
  if (sparePglite.file !== file) {
    await Promise.all(sparePglite.databases.map((database) => database.close()));
    sparePglite = { file, databases: [] };
  }
  const { databases } = sparePglite;
  const database =
    databases.pop() ?? (await openPglite({ dataDir: undefined, contents: await pgliteTemplate() }));
  return {
    database,
    url: undefined,
    [Symbol.asyncDispose]: once(async () => {
      if (databases === sparePglite.databases && (await empty(database))) databases.push(database);
      else await database.close();
    }),
  };
}

/** False when the test has closed or broken the database: then the next one gets another. */
async function empty(database: Database): Promise<boolean> {
  try {
    await database.script("drop schema public cascade; create schema public; reset all");
    return true;
  } catch {
    return false;
  }
}

function once(run: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => (result ??= run());
}

/** To put others in their place: those of a class are not the object's own. */
export function methodsOf(database: Database): Database {
  return {
    kind: database.kind,
    query: (statement, values) => database.query(statement, values),
    execute: (statement, values) => database.execute(statement, values),
    script: (text) => database.script(text),
    transaction: (work, options) => database.transaction(work, options),
    close: () => database.close(),
    abandon: () => database.abandon(),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
