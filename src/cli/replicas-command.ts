import { existsSync } from "node:fs";
import type { Config } from "../config/index.js";
import type { ReplicaRecord } from "../store/index.js";
import { CliError } from "./cli-error.js";
import { type AddCommand, examples } from "./command.js";
import { configFor, type DatabaseOptions, openDatabase } from "./open-database.js";
import { isAlive, replicaRows } from "./replica-rows.js";
import { renderTable } from "./table.js";
import { colorsFor, widthOf, writeJsonLine } from "./terminal.js";

interface ReplicasOptions extends DatabaseOptions {
  readonly json?: true;
}

export const addReplicasCommand: AddCommand = (program, context) => {
  program
    .command("replicas")
    .description("list the replicas of this service, from the database itself")
    .option("--data-dir <folder>", "the folder of the embedded database (default: $PALAVER_DATA_DIR)")
    .option("--json", "print JSON, one replica per line, for programs")
    .addHelpText(
      "after",
      examples(
        "DATABASE_URL=postgres://… palaver replicas",
        "DATABASE_URL=postgres://… palaver replicas --json | jq -r 'select(.alive) | .advertisedUrl'",
      ) +
        "\nTURNS are those that run, of how many may. BEAT is the age of the last heartbeat: a replica is dead when that is as old as\n" +
        "PALAVER_LEASE, and its chats go to others; one that stops gracefully leaves the list at once, a dead one after a day. CLOCK is\n" +
        "how far its clock was ahead of the database's then, less the time that the heartbeat took. URL is where other replicas reach it.\n" +
        "\nThe embedded database serves one process at a time: there is nothing to list while a server runs on it.",
    )
    .action(async (options: ReplicasOptions) => {
      const { stdout, stderr, env, clock } = context;
      const config = configFor(context, options);
      const { leaseMs } = config;
      const replicas = await readReplicas(config);
      if (options.json === true) {
        for (const replica of replicas)
          writeJsonLine(stdout, { ...replica, alive: isAlive(replica, leaseMs) });
      } else if (replicas.length === 0) {
        stderr.write("No replica runs on this database. Start one: npx palaver serve\n");
      } else {
        const rows = replicaRows(replicas, { leaseMs, now: clock.now(), colors: colorsFor(stdout, env) });
        stdout.write(renderTable(rows, widthOf(stdout)));
      }
    });
};

/** Changes nothing: it creates no database, and brings none up to date. */
async function readReplicas(config: Config): Promise<readonly ReplicaRecord[]> {
  if (config.database.kind === "pglite" && !existsSync(config.database.folder)) return [];
  const { listReplicas, migrationStatus } = await import("../store/index.js");
  await using database = await openDatabase(config);
  const { current, pending } = await migrationStatus(database);
  if (current === 0) return [];
  if (pending.length > 0) {
    throw new CliError(
      `The database is at migration ${current}, and this version of palaver expects ${pending.at(-1) ?? ""}.`,
      {
        reason: "DATABASE_OUTDATED",
        advice:
          "Bring it up to date with `npx palaver migrate`, or use the palaver that its replicas are of.",
      },
    );
  }
  return await listReplicas(database);
}
