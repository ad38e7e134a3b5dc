import { execFile, spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";

const run = promisify(execFile);

const MISSING = `The browser test needs Chromium or Chrome. Install it (Debian and Ubuntu: apt-get install chromium), put it on the
PATH, or set TEST_CHROMIUM to the program.`;

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * Starts a browser without a window, to be closed by disposing it. Takes TEST_CHROMIUM, or what is on the PATH; as root on Debian installs it
 * when it is missing.
 *
 * @throws with instructions when there is none to be had
 */
export async function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: await chromiumProgram(),
    // Root has no sandbox, and containers have a small /dev/shm.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

async function chromiumProgram(): Promise<string> {
  const given = process.env["TEST_CHROMIUM"];
  if (given !== undefined && given !== "") {
    if (await works(given)) return given;
    throw new Error(`TEST_CHROMIUM is ${given}, which does not start.\n${MISSING}`);
  }
  const present = await findOnPath();
  if (present !== undefined) return present;
  if (process.getuid?.() !== 0 || !(await isExecutable("/usr/bin/apt-get"))) throw new Error(MISSING);
  try {
    await aptGet("update");
    await aptGet("install", "--yes", "--no-install-recommends", "chromium");
  } catch (error) {
    throw new Error(`${MISSING}\nInstalling it with apt-get failed.`, { cause: error });
  }
  const installed = await findOnPath();
  if (installed === undefined) throw new Error(MISSING);
  return installed;
}

async function findOnPath(): Promise<string | undefined> {
  const directories = (process.env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== "");
  for (const program of names.flatMap((name) => directories.map((directory) => join(directory, name))))
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

function aptGet(...args: string[]): Promise<void> {
  console.log(`Chromium is missing: apt-get ${args.join(" ")}`);
  const apt = spawn("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=120", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((resolve, reject) => {
    apt.once("error", reject);
    apt.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`apt-get ${args.join(" ")} ended with code ${String(code)}`));
    });
  });
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
