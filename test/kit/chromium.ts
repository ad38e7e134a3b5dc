import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";
import { isExecutable, pathDirectories } from "./debian-packages.js";

const run = promisify(execFile);

const MISSING = `The browser test needs Chromium or Chrome. Install it (Debian and Ubuntu: apt-get install chromium), put it on the
PATH, or set TEST_CHROMIUM to the program.`;

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * Starts a browser without a window, to be closed by disposing it.
 *
 * @throws with instructions when there is none to be had
 */
export async function startChromium(): Promise<Browser> {
  const program = await findChromium();
  if (program === undefined) throw new Error(MISSING);
  return chromium.launch({
    executablePath: program,
    // Root has no sandbox, and containers have a small /dev/shm.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/**
 * TEST_CHROMIUM, or what is on the PATH.
 *
 * @throws when TEST_CHROMIUM is set and does not start
 */
export async function findChromium(): Promise<string | undefined> {
  const given = process.env["TEST_CHROMIUM"];
  if (given !== undefined && given !== "") {
    if (await works(given)) return given;
    throw new Error(`TEST_CHROMIUM is ${given}, which does not start.\n${MISSING}`);
  }
  for (const program of names.flatMap((name) => pathDirectories().map((directory) => join(directory, name))))
    if ((await isExecutable(program)) && (await works(program))) return program;
  return undefined;
}

/** There are wrappers on PATHs that only say how to install the real one. */
async function works(program: string): Promise<boolean> {
  return run(program, ["--version"]).then(
    ({ stdout }) => /\d+\.\d+/.test(stdout),
    () => false,
  );
}
