import { execFile } from "node:child_process";
import { mkdir, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { installPackage, pathDirectories } from "./debian-packages.js";

const run = promisify(execFile);

const MISSING = `The tests need the programs of a PostgreSQL server (postgres and initdb, version 14 or newer).
Install them (Debian and Ubuntu: apt-get install postgresql; macOS: brew install postgresql),
put them on the PATH, or set TEST_DATABASE_URL to a server where the tests may create databases.`;

/** The programs of one PostgreSQL installation. */
export interface PostgresPrograms {
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * Finds PostgreSQL on the PATH or where Debian puts it.
 *
 * @throws with instructions when there is none
 */
export async function postgresPrograms(): Promise<PostgresPrograms> {
  const present = await findPostgres();
  if (present === undefined) throw new Error(MISSING);
  return present;
}

export async function findPostgres(): Promise<PostgresPrograms | undefined> {
  for (const directory of [...pathDirectories(), ...(await debianDirectories())]) {
    const programs = await programsIn(directory);
    if (programs !== undefined) return programs;
  }
  return undefined;
}

/** `/usr/lib/postgresql/<major>/bin`, the newest first. */
async function debianDirectories(): Promise<string[]> {
  const root = "/usr/lib/postgresql";
  const majors = await readdir(root).catch(() => []);
  return majors.toSorted((a, b) => Number(b) - Number(a)).map((major) => join(root, major, "bin"));
}

/**
 * The PATH may hold a link to `postgres` alone, or wrappers of different versions: the link is followed, `initdb` has
 * to stand next to the real file, and both have to run and be of the same version.
 */
async function programsIn(directory: string): Promise<PostgresPrograms | undefined> {
  const postgres = await realpath(join(directory, "postgres")).catch(() => undefined);
  if (postgres === undefined) return undefined;
  const initdb = join(dirname(postgres), "initdb");
  const [server, creator] = await Promise.all([versionOf(postgres), versionOf(initdb)]);
  return server !== undefined && server === creator ? { postgres, initdb } : undefined;
}

async function versionOf(program: string): Promise<string | undefined> {
  const { stdout } = await run(program, ["--version"]).catch(() => ({ stdout: "" }));
  return /\(PostgreSQL\) (\S+)/.exec(stdout)?.[1];
}

/** Debian's package would create a cluster and start it: that is switched off while the package is being set up. */
export async function installPostgres(): Promise<void> {
  const noCluster = "/etc/postgresql-common/createcluster.d/no-main-cluster.conf";
  await mkdir(dirname(noCluster), { recursive: true });
  await writeFile(noCluster, "create_main_cluster = false\n");
  try {
    await installPackage("postgresql");
  } finally {
    await rm(noCluster, { force: true });
  }
}
