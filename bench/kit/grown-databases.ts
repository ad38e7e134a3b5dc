import pg from "pg";
import { migrate, openPostgres } from "../../src/store/index.js";
import { fillDatabase } from "../../test/kit/fill-database.js";
import type { BenchRun } from "../run/bench-case.js";

/** Whoever calls a server without tokens. */
export const owner = "dev";

interface Size {
  readonly chats: number;
  readonly messagesPerChat: number;
}

/** A database with chats of months. All ids are those of idle chats of {@link owner}, in no particular order. */
export interface GrownDatabase {
  readonly url: string;
  readonly filledInSeconds: number;
  readonly bytes: number;
  /** As long as most. */
  readonly shortChats: readonly string[];
  /** Six times as long. */
  readonly longChats: readonly string[];
}

const tellEveryMs = 10_000;

export async function growDatabase(bench: BenchRun, size: Size): Promise<GrownDatabase> {
  const url = await bench.createDatabase();
  await using database = openPostgres({ url });
  await migrate(database);
  const beganMs = performance.now();
  let toldMs = beganMs;
  const progress = (done: string): void => {
    const nowMs = performance.now();
    if (nowMs - toldMs < tellEveryMs) return;
    toldMs = nowMs;
    console.error(`    ${((nowMs - beganMs) / 1_000).toFixed(0)} s: ${done}`);
  };
  await fillDatabase(url, { ...size, owner, progress });
  const filledInSeconds = (performance.now() - beganMs) / 1_000;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ bytes: string; short: string[]; long: string[] }>(describe, [
      owner,
    ]);
    const [row] = rows;
    if (row === undefined) throw new Error("nothing was told");
    return {
      url,
      filledInSeconds,
      bytes: Number(row.bytes),
      shortChats: row.short,
      longChats: row.long,
    };
  } finally {
    await client.end();
  }
}

const describe = `
  with own as materialized (
    select id, last_message_id = max(last_message_id) over () as is_long from chats where owner = $1 and status = 'waiting' and not archived
  )
  select pg_database_size(current_database()) as bytes, array(select id::text from own where not is_long order by id) as short,
    array(select id::text from own where is_long order by id) as long`;
