import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "../kit/child.js";
import { Unavailable } from "../run/bench-case.js";

const folder = join(root, "bench/peers");
let missing: string | undefined;

/**
 * Installs the packages of the peers beside this file, exactly those of its lock file, where that was not done yet. Says so: it takes a while.
 *
 * @throws Unavailable when they cannot be had
 */
export function ensurePackages(): void {
  if (missing !== undefined) throw new Unavailable(missing);
  const installed = join(folder, "node_modules/.package-lock.json");
  const lock = join(folder, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error("The peers are not installed: npm install in bench/peers");
  // Not `npm ci`: it wants those of all other platforms in the lock file. No scripts: what is native is there for the usual platforms.
  const { status, error } = spawnSync("npm", ["install", "--no-save", "--ignore-scripts"], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status === 0) return;
  missing = `npm install in bench/peers ${error === undefined ? `ended with ${status ?? "a signal"}` : `failed: ${error.message}`}`;
  throw new Unavailable(missing);
}
