// Compiles src/ to dist/, and the conformance suite beside it: `npm run build`. Runs by itself at `npm ci` and `npm install` (prepare).
import { spawnSync } from "node:child_process";
import { chmod, cp, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = join(root, "src");
const dist = join(root, "dist");
/** What the suite is compiled to, within dist/: made afresh each time. */
const suiteFolders = ["conformance", "src"];

await removeOrphans();
compile("tsconfig.build.json");
await cp(join(src, "store/migrations"), join(dist, "store/migrations"), { recursive: true });
// The suite judges from outside: it has a copy of the generated schema, and nothing else of src/.
for (const folder of suiteFolders) await rm(join(dist, folder), { recursive: true, force: true });
compile("tsconfig.conformance.json");
await cp(join(root, "conformance/vectors/legacy-content"), join(dist, "conformance/vectors/legacy-content"), {
  recursive: true,
});
await chmod(join(dist, "cli/main.js"), 0o755);

/**
 * Removes what was compiled from sources that are gone. The compiler works incrementally and would leave them, and a
 * deleted migration or module must not be shipped. Without the compiler's notes everything is made afresh.
 */
async function removeOrphans() {
  const outputs = await filesIn(dist);
  if (!outputs.includes(".tsbuildinfo")) {
    await rm(dist, { recursive: true, force: true });
    return;
  }
  const sources = new Set(await filesIn(src));
  for (const output of outputs) {
    if (output === ".tsbuildinfo" || suiteFolders.some((folder) => output.startsWith(`${folder}/`))) continue;
    const source = output.replace(/(\.d\.ts|\.js|\.js\.map)$/, ".ts");
    if (!sources.has(source)) await rm(join(dist, output));
  }
}

function compile(project) {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", project], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** All files below `directory`, as relative paths; none when there is no such directory. */
async function filesIn(directory) {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}
