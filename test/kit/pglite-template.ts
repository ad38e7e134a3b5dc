import { access, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { root } from "./compiled-sources.js";

/** The folder of the data, and the same as PGlite takes it into memory. */
const names = { folder: "pgdata", dump: "dump.tar" } as const;

let dump: Promise<Blob> | undefined;

/**
 * An empty database of PGlite, which takes it five times as long to make as to open. It stays from run to run; the first one makes it, before
 * any test.
 */
export async function ensurePgliteTemplate(): Promise<void> {
  const template = await templateFolder();
  if (await exists(join(template, names.dump))) return;
  const cache = join(template, "..");
  await mkdir(cache, { recursive: true });
  const making = await mkdtemp(`${template}-`);
  const database = await PGlite.create({ dataDir: join(making, names.folder) });
  await writeFile(
    join(making, names.dump),
    Buffer.from(await (await database.dumpDataDir("none")).arrayBuffer()),
  );
  await database.close();
  // Another run may have been faster.
  await rename(making, template).catch(() => rm(making, { recursive: true, force: true }));
}

/** Makes `folder` the data of an empty database. */
export async function copyPgliteTemplate(folder: string): Promise<void> {
  await cp(join(await templateFolder(), names.folder), folder, { recursive: true });
}

/** What an empty database in memory begins with. */
export function pgliteTemplate(): Promise<Blob> {
  dump ??= (async () => new Blob([await readFile(join(await templateFolder(), names.dump))]))();
  return dump;
}

async function templateFolder(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve("@electric-sql/pglite");
  const { version } = JSON.parse(await readFile(join(entry, "../../package.json"), "utf8")) as {
    version: string;
  };
  return join(root, `node_modules/.cache/palaver-pglite-${version}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
