import { type Config, loadConfig } from "../config/index.js";
import type { Database } from "../store/index.js";
import type { Surroundings } from "./terminal.js";

/** The options of commands that work on the database themselves, past the server. */
export interface DatabaseOptions {
  readonly dataDir?: string;
}

/** The configuration that a server started here would have. Options win over the environment. */
export function configFor(
  { env }: Surroundings,
  { dataDir, listen }: DatabaseOptions & { listen?: string },
): Config {
  return loadConfig({
    ...env,
    ...(dataDir === undefined ? {} : { PALAVER_DATA_DIR: dataDir }),
    ...(listen === undefined ? {} : { PALAVER_LISTEN: listen }),
  });
}

/**
 * Opens the configured database. Loads the store on demand: most commands do without it.
 *
 * @throws StoreError DATA_DIR_IN_USE while a server has the embedded one open
 */
export async function openDatabase({ database }: Config): Promise<Database> {
  const { openPglite, openPostgres } = await import("../store/index.js");
  if (database.kind === "pglite") return openPglite({ dataDir: database.folder });
  return openPostgres({ url: database.url.reveal(), poolSize: 1, applicationName: "palaver cli" });
}
