import { describe, expect, test } from "vitest";
import { migrate, readChat } from "../../src/store/index.js";
import { loadMigrations } from "../../src/store/migration-files.js";
import { engines, openTestDatabase } from "../kit/databases.js";

const insert = {
  name: "test.insert_chat",
  text: `insert into chats (id, owner, title, model, status, error, retry,
      snapshot_version, history_version, queue_version, retry_version, metadata_version)
    values ($1, 'o', 't', 'm', case when $2::jsonb is null then 'waiting' else 'error' end, $2::jsonb, $3::jsonb, 7, 1, 1, 1, 1)`,
};
const select = {
  name: "test.select_chats",
  text: "select id, error, retry, snapshot_version from chats order by id",
};
const id = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
const retry = (error: unknown): string =>
  JSON.stringify({ attempt: 2, delay_ms: 1000, due_at: "2026-01-01T00:00:00.000Z", error });
const structured = {
  message: "Anthropic is busy.",
  kind: "overloaded",
  provider: "anthropic",
  status_code: 529,
};

/** Stored before, and after; undefined: the same. */
const rows: readonly {
  error: string | null;
  retry: string | null;
  after?: { error?: object; retry?: string };
}[] = [
  { error: '"boom: 500"', retry: null, after: { error: { message: "boom: 500", kind: "generic" } } },
  {
    error: JSON.stringify('said "no" \\ \uE000\uE001 — 今日は\n'),
    retry: null,
    after: { error: { message: 'said "no" \\ \uE000\uE001 — 今日は\n', kind: "generic" } },
  },
  {
    error: '"{\\"message\\":\\"x\\"}"',
    retry: null,
    after: { error: { message: '{"message":"x"}', kind: "generic" } },
  },
  { error: '" \\n"', retry: null, after: { error: { message: "The turn failed.", kind: "generic" } } },
  { error: JSON.stringify(structured), retry: null },
  { error: '{"message":"of a newer kind","kind":"later","more":[1]}', retry: null },
  { error: null, retry: null },
  {
    error: null,
    retry: retry("slow down"),
    after: { retry: retry({ message: "slow down", kind: "generic" }) },
  },
  {
    error: null,
    retry: retry(""),
    after: { retry: retry({ message: "The turn failed.", kind: "generic" }) },
  },
  { error: null, retry: retry(structured) },
  { error: null, retry: '{"attempt":1}' },
];

describe.each(engines)("on %s", (engine) => {
  test("plain-text errors become structured ones in place, and read the same before and after (ERR-4)", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const { database } = opened;
    const migrations = await loadMigrations();
    await migrate(database, { migrations: migrations.slice(0, 1) });
    for (const [number, row] of rows.entries())
      await database.execute(insert, [id(number), row.error, row.retry]);
    const read = async (): Promise<unknown[]> =>
      Promise.all(
        rows.map(async (_row, number) => {
          const chat = await readChat(database, id(number), undefined);
          return { error: chat?.error, retry: chat?.retry };
        }),
      );
    const before = await read();

    expect((await migrate(database, { migrations: migrations.slice(0, 2) })).applied).toEqual([
      "0002_structured_errors",
    ]);

    expect(await read()).toEqual(before);
    const stored = await database.query<{
      error: string | null;
      retry: string | null;
      snapshot_version: number;
    }>(select);
    const value = (json: string | null): unknown => (json === null ? null : JSON.parse(json));
    expect(stored.map((row) => [value(row.error), value(row.retry), row.snapshot_version])).toEqual(
      rows.map((row) => [row.after?.error ?? value(row.error), value(row.after?.retry ?? row.retry), 7]),
    );
  });
});
