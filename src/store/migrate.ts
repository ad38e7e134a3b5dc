import type { Database, Queryable, Statement } from "./database.js";
import { DatabaseError } from "./database-error.js";
import { checksumOf, loadMigrations, type Migration } from "./migration-files.js";
import { StoreError } from "./store-error.js";

export interface MigrateOptions {
  /** Called after each migration has committed, with its name. */
  readonly onApplied?: (name: string) => void;
  /** Default: those that belong to this program. */
  readonly migrations?: readonly Migration[];
}

export interface MigrateResult {
  /** The names of the migrations that this call applied; empty when another process was faster. */
  readonly applied: readonly string[];
  /** The id of the newest migration in the database, which may be one more than this program knows. */
  readonly current: number;
}

export interface AppliedMigration {
  readonly id: number;
  readonly name: string;
  readonly appliedAt: Date;
  /** The file was edited after it had been applied. */
  readonly changed: boolean;
  /** This program does not have it: the database was migrated by a newer one. */
  readonly unknown: boolean;
}

export interface MigrationStatus {
  readonly applied: readonly AppliedMigration[];
  /** The names of the migrations that {@link migrate} would apply. */
  readonly pending: readonly string[];
  /** The id of the newest applied migration, 0 for an empty database. */
  readonly current: number;
}

/**
 * Brings the database up to date. Each migration runs in a transaction of its own, without a time limit; however many
 * processes call this at once, each migration is applied once, and all return when all are applied.
 *
 * A database that is exactly one migration ahead is accepted: during a rolling update neighbouring versions share it, so
 * a migration must leave the version before it working.
 *
 * @throws StoreError MIGRATION_CHANGED, DATABASE_TOO_NEW: nothing was changed
 * @throws StoreError MIGRATION_FAILED: the migrations before the one named stay applied
 * @throws DatabaseError when the database cannot be reached
 */
export async function migrate(database: Database, options: MigrateOptions = {}): Promise<MigrateResult> {
  const migrations = options.migrations ?? (await loadMigrations());
  const applied: string[] = [];
  for (;;) {
    // Looked at without the lock first: a database that is up to date asks for no right to change it.
    const status = await migrationStatus(database, migrations);
    assertUsable(status, migrations);
    if (status.pending.length === 0) return { applied, current: status.current };
    const name = await database.transaction((transaction) => applyNext(transaction, migrations));
    if (name !== undefined) {
      applied.push(name);
      options.onApplied?.(name);
    }
  }
}

/** What is applied and what is not. Changes nothing and refuses nothing: for `palaver migrate --status` and `doctor`. */
export async function migrationStatus(
  database: Queryable,
  migrations?: readonly Migration[],
): Promise<MigrationStatus> {
  const known = new Map(
    (migrations ?? (await loadMigrations())).map((migration) => [migration.id, migration]),
  );
  const applied: AppliedMigration[] = [];
  for (const row of await readApplied(database)) {
    const migration = known.get(row.id);
    applied.push({
      id: row.id,
      name: row.name,
      appliedAt: row.applied_at,
      changed: migration !== undefined && checksumOf(migration) !== row.checksum,
      unknown: migration === undefined,
    });
    known.delete(row.id);
  }
  return {
    applied,
    pending: [...known.values()].map(({ name }) => name),
    current: applied.at(-1)?.id ?? 0,
  };
}

function assertUsable({ applied }: MigrationStatus, migrations: readonly Migration[]): void {
  const changed = applied.find((migration) => migration.changed);
  if (changed !== undefined) {
    throw new StoreError(
      "MIGRATION_CHANGED",
      `Migration ${changed.name} was edited after it had been applied to this database. ` +
        "Restore the file and put the change into a new migration.",
    );
  }
  const unknown = applied.filter((migration) => migration.unknown);
  if (unknown.length > 1) {
    throw new StoreError(
      "DATABASE_TOO_NEW",
      `The database is at migration ${unknown.at(-1)?.name ?? ""}, and this version of palaver knows none after ` +
        `${migrations.at(-1)?.name ?? "0"}. Only neighbouring versions can share a database: update palaver.`,
    );
  }
}

/** "palaver" in ASCII: the advisory lock that whoever migrates holds. */
const advisoryLock = "31632315511104882";

const begin = `
  set local statement_timeout = 0;
  set local idle_in_transaction_session_timeout = 0;
  select pg_advisory_xact_lock(${advisoryLock});
  create table if not exists palaver_migrations (
    id integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
  );
`;

/** Applies one migration; returns its name, or undefined when somebody else has applied the last one meanwhile. */
async function applyNext(
  transaction: Queryable,
  migrations: readonly Migration[],
): Promise<string | undefined> {
  await transaction.script(begin);
  // Another program may have been here while we waited for the lock.
  const status = await migrationStatus(transaction, migrations);
  assertUsable(status, migrations);
  const next = migrations.find(({ name }) => name === status.pending[0]);
  if (next === undefined) return undefined;
  try {
    await transaction.script(next.sql);
  } catch (error) {
    if (error instanceof DatabaseError && error.retryable) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new StoreError("MIGRATION_FAILED", `Migration ${next.name} failed and was rolled back. ${why}`, {
      cause: error,
    });
  }
  await transaction.execute(insertApplied, [next.id, next.name, checksumOf(next)]);
  return next.name;
}

interface AppliedRow {
  readonly id: number;
  readonly name: string;
  readonly checksum: string;
  readonly applied_at: Date;
}

const findTable: Statement = {
  name: "migrations.find_table",
  text: "select to_regclass('palaver_migrations') is not null as found",
};

const selectApplied: Statement = {
  name: "migrations.select",
  text: "select id, name, checksum, applied_at from palaver_migrations order by id",
};

const insertApplied: Statement = {
  name: "migrations.insert",
  text: "insert into palaver_migrations (id, name, checksum) values ($1, $2, $3)",
};

async function readApplied(database: Queryable): Promise<AppliedRow[]> {
  const [table] = await database.query<{ found: boolean }>(findTable);
  return table?.found === true ? database.query<AppliedRow>(selectApplied) : [];
}
