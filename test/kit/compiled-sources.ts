import { cp, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { systemClock } from "../../src/platform/index.js";

/** Where the processes of tests are started. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Names the folder of what was compiled for this run of the tests. */
const variable = "PALAVER_TEST_COMPILED";
const outdatedMs = 24 * 60 * 60 * 1_000;

/**
 * Compiles what processes of tests run, as it is now, to a folder of this run: such a process starts in half of the CPU time that it takes to
 * compile while it loads. Disposing removes it.
 */
export async function compileSources(): Promise<AsyncDisposable> {
  // Beneath the modules that they import.
  const cache = join(root, "node_modules/.cache");
  await mkdir(cache, { recursive: true });
  await removeOutdated(cache);
  const folder = await mkdtemp(join(cache, prefix));
  await build({
    entryPoints: ["src/**/*.ts", "test/kit/provider-server/**/*.ts", "test/process/*.fixture.ts"],
    absWorkingDir: root,
    outdir: folder,
    outbase: root,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "error",
  });
  for (const file of ["package.json", "src/store/migrations"])
    await cp(join(root, file), join(folder, file), { recursive: true });
  process.env[variable] = folder;
  return { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** The command that runs a TypeScript file of the project, with the options of Node.js that are given: compiled where this run has done that. */
export function nodeCommand(file: string, ...options: readonly string[]): readonly [string, ...string[]] {
  const folder = process.env[variable];
  if (folder === undefined) return sourceCommand(file, ...options);
  return [process.execPath, ...options, join(folder, file.replace(/ts$/, "js"))];
}

/** Likewise, but compiled while it is loaded. */
export function sourceCommand(file: string, ...options: readonly string[]): readonly [string, ...string[]] {
  return [process.execPath, ...options, "--import", "tsx", join(root, file)];
}

const prefix = "palaver-test-";

/** Of runs that were killed. */
async function removeOutdated(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (!name.startsWith(prefix)) continue;
    const { mtimeMs } = await stat(path);
    if (systemClock.now().getTime() - mtimeMs > outdatedMs) await rm(path, { recursive: true, force: true });
  }
}
