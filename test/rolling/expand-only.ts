import { type Database, type Migration, migrate, type Statement } from "../../src/store/index.js";

/**
 * What a migration did to tables that were there before it, and that the version before it may not survive. Found by applying it and
 * comparing the catalogue before and after, so however it was written: nothing depends on reading SQL.
 */
export interface Breakage {
  /** What it was done to: `table`, `table.column`, or `table.constraint`; of an index the same. */
  readonly subject: string;
  readonly what: string;
}

/**
 * Applies a migration to a database that has all those before it, and returns what breaks the version before.
 *
 * A migration may excuse what it breaks, one subject each, with a line of its own that gives the reason:
 *
 * ```sql
 * -- contract replicas.turns: no version since 0.3.0 reads or writes it
 * ```
 *
 * An excuse for what the migration does not break is a breakage too: it would excuse the next one.
 */
export async function applyAndJudge(
  database: Database,
  migrations: readonly Migration[],
): Promise<readonly Breakage[]> {
  const before = await readCatalogue(database);
  await migrate(database, { migrations });
  const found = compare(before, await readCatalogue(database));
  const excused = excuses(migrations.at(-1)?.sql ?? "");
  return [
    ...found.filter(({ subject }) => !excused.has(subject)),
    ...[...excused]
      .filter((subject) => found.every((breakage) => breakage.subject !== subject))
      .map((subject) => ({ subject, what: "is excused and not broken" })),
  ];
}

function excuses(sql: string): ReadonlySet<string> {
  return new Set([...sql.matchAll(/^-- contract ([\w.]+): *\S.*$/gm)].map(([, subject = ""]) => subject));
}

interface Catalogue {
  /** Where its rows are: another place after a migration means that it was rewritten. */
  readonly tables: ReadonlyMap<string, string>;
  readonly columns: ReadonlyMap<string, Column>;
  /** Checks, foreign keys and exclusions, and unique indexes (also those of primary keys): what may refuse a row. */
  readonly rules: ReadonlyMap<string, Rule>;
}

interface Column {
  readonly table: string;
  readonly type: string;
  readonly required: boolean;
  /** Whether an insert may leave it out although it is required. */
  readonly filled: boolean;
}

interface Rule {
  readonly table: string;
  readonly definition: string;
  readonly unique: boolean;
}

const ours = "c.relnamespace = 'public'::regnamespace";

const selectTables: Statement = {
  name: "test.catalogue_tables",
  text: `select c.relname as name, c.relkind::text || c.relfilenode::text as place from pg_class c
    where ${ours} and c.relkind in ('r', 'p', 'v', 'm')`,
};
const selectColumns: Statement = {
  name: "test.catalogue_columns",
  text: `select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
      a.atthasdef or a.attidentity <> '' as filled, a.attidentity::text || a.attgenerated::text as kind
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where ${ours} and c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped`,
};
const selectRules: Statement = {
  name: "test.catalogue_rules",
  text: `select c.relname as table, k.conname as name, pg_get_constraintdef(k.oid) as definition, false as unique
      from pg_constraint k join pg_class c on c.oid = k.conrelid where ${ours} and k.contype in ('c', 'f', 'x')
    union all
    select c.relname, i.relname, pg_get_indexdef(i.oid), true
      from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid where ${ours} and x.indisunique`,
};

async function readCatalogue(database: Database): Promise<Catalogue> {
  const tables = await database.query<{ name: string; place: string }>(selectTables);
  const columns = await database.query<Column & { name: string; kind: string }>(selectColumns);
  const rules = await database.query<Rule & { name: string }>(selectRules);
  return {
    tables: new Map(tables.map(({ name, place }) => [name, place])),
    columns: new Map(
      columns.map(({ table, name, type, kind, required, filled }) => [
        `${table}.${name}`,
        { table, type: kind === "" ? type : `${type} ${kind}`, required, filled },
      ]),
    ),
    rules: new Map(
      rules.map(({ table, name, definition, unique }) => [`${table}.${name}`, { table, definition, unique }]),
    ),
  };
}

function compare(before: Catalogue, after: Catalogue): Breakage[] {
  const found: Breakage[] = [];
  const breaks = (subject: string, what: string): void => void found.push({ subject, what });
  /** What becomes of a table that is new, or gone altogether, is no matter of its columns and rules. */
  const stays = ({ table }: { table: string }): boolean =>
    before.tables.has(table) && after.tables.has(table);

  for (const [name, place] of before.tables) {
    const now = after.tables.get(name);
    if (now === undefined) breaks(name, "was dropped or renamed");
    else if (now !== place)
      breaks(name, "was rewritten: nobody could use it meanwhile, however long that takes");
  }
  for (const [name, column] of before.columns) {
    if (!stays(column)) continue;
    const now = after.columns.get(name);
    if (now === undefined) breaks(name, "was dropped or renamed");
    else if (now.type !== column.type) breaks(name, `was ${column.type} and is ${now.type}`);
    else if (now.required && !now.filled && (!column.required || column.filled))
      breaks(name, "has to be given now, and had not to before");
    else if (now.required && !column.required) breaks(name, "may not be null any more");
  }
  for (const [name, column] of after.columns) {
    if (stays(column) && !before.columns.has(name) && column.required && !column.filled)
      breaks(name, "is new, and has to be given");
  }
  for (const [name, rule] of before.rules) {
    // Rules that only refuse are not missed.
    if (stays(rule) && rule.unique && !after.rules.has(name))
      breaks(name, "is what `on conflict` may rely on");
  }
  for (const [name, rule] of after.rules) {
    if (stays(rule) && before.rules.get(name)?.definition !== rule.definition)
      breaks(name, "refuses rows that were taken before");
  }
  return found;
}
