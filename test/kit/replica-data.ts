import { loadConfig } from "../../src/config/index.js";
import { type Database, openPglite, openPostgres } from "../../src/store/index.js";
import type { TestReplica } from "./replica.js";

/** What a replica stored. On the embedded database only after it has stopped: one process at a time has that open. */
export async function openReplicaData({ env }: Pick<TestReplica, "env">): Promise<Database> {
  const { database } = loadConfig(env);
  return database.kind === "pglite"
    ? openPglite({ dataDir: database.folder })
    : openPostgres({ url: database.url.reveal() });
}
