import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { freePort } from "./ports.js";
import { type PostgresPrograms, postgresPrograms } from "./postgres-programs.js";
import { until } from "./until.js";

const run = promisify(execFile);

/** A running PostgreSQL server that belongs to this process. */
export interface PostgresServer extends AsyncDisposable {
  /** A superuser's URL of its `postgres` database. */
  readonly url: string;
  /** The server's process id. */
  readonly pid: number;
  /** Resolves when the server has ended and its data are gone. May be called again. */
  readonly stop: () => Promise<void>;
}

/** Somebody else to run as. */
interface Account {
  readonly uid: number;
  readonly gid: number;
}

// Runs "$@" as a child for as long as stdin is open, then removes the directory $0. The end of stdin is the one signal
// that arrives however the parent ends, even by SIGKILL. SIGINT is PostgreSQL's "fast" shutdown. The first line of
// output is the server's process id.
const SUPERVISOR = `
exec 3<&0
"$@" </dev/null & server=$!
echo $server
{ read -r _ <&3; kill -INT $server; } >/dev/null 2>&1 & watch=$!
wait $server; code=$?
kill $watch 2>/dev/null
rm -rf "$0"
exit $code
`;

// Nothing here has to outlive a crash of the machine.
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  log_min_messages: "fatal",
};

/**
 * Starts a PostgreSQL server of our own: fresh data in a temporary directory, a free port on 127.0.0.1, durability off.
 * It ends with this process, however that ends.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = await postgresPrograms();
  const account = process.getuid?.() === 0 ? await unprivilegedAccount() : undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(programs, account);
    } catch (error) {
      // Somebody may take the port between our finding it and PostgreSQL's listening on it.
      const portTaken = error instanceof Error && error.message.includes("Address already in use");
      if (!portTaken || attempt === 3) throw error;
    }
  }
}

async function startOnce(programs: PostgresPrograms, account: Account | undefined): Promise<PostgresServer> {
  // The user's own TMPDIR may be closed to the account.
  const home = await mkdtemp(join(account === undefined ? tmpdir() : "/tmp", "palaver-postgres-"));
  const data = join(home, "data");
  const password = randomBytes(16).toString("hex");
  try {
    if (account !== undefined) await chown(home, account.uid, account.gid);
    await initialise(programs.initdb, { home, data, password, account });
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }

  const port = await freePort();
  const settings = Object.entries({ ...SETTINGS, port: String(port) }).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  const supervisor = spawn("/bin/sh", ["-c", SUPERVISOR, home, programs.postgres, "-D", data, ...settings], {
    cwd: home,
    // A group of its own, so that Ctrl-C in the terminal reaches only us and we stop it in order.
    detached: true,
    ...account,
  });
  const ended = once(supervisor, "exit");
  let errors = "";
  supervisor.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const stop = async (): Promise<void> => {
    supervisor.stdin.destroy();
    await ended;
  };

  try {
    const [firstLine] = (await once(supervisor.stdout.setEncoding("utf8"), "data")) as [string];
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
    await until(async () => supervisor.exitCode !== null || (await isOurs(url, data)), {
      what: "PostgreSQL to start",
      deadlineMs: 60_000,
      intervalMs: 20,
    });
    if (supervisor.exitCode !== null) throw new Error(`PostgreSQL ended while starting: ${errors}`);
    return { url, pid: Number(firstLine), stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Creates the data directory; it accepts connections that know `password` and no others. */
async function initialise(
  initdb: string,
  {
    home,
    data,
    password,
    account,
  }: { home: string; data: string; password: string; account: Account | undefined },
): Promise<void> {
  const passwordFile = join(home, "password");
  await writeFile(passwordFile, password);
  if (account !== undefined) await chown(passwordFile, account.uid, account.gid);
  const options = [
    "--auth=password",
    `--pwfile=${passwordFile}`,
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
  ];
  await run(initdb, [...options, "-D", data], { cwd: home, ...account });
}

/** Whether the server at `url` takes connections and is the one that runs on `data`. */
async function isOurs(url: string, data: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {}); // A connection that breaks also fails what was asked of it.
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>("SHOW data_directory");
    return rows[0]?.data_directory === data;
  } finally {
    await client.end();
  }
}

/** PostgreSQL refuses to run as root, so root runs it as `postgres` or, where there is no such user, as `nobody`. */
async function unprivilegedAccount(): Promise<Account> {
  const accounts = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const wanted of ["postgres", "nobody"]) {
    const [, , uid, gid] = accounts.find(([name]) => name === wanted) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    "PostgreSQL cannot run as root, and there is neither a user postgres nor nobody to run it as.",
  );
}
