import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

const MISSING = `The tests need nats-server (2.9 or newer).
Install it (Debian and Ubuntu: apt-get install nats-server; macOS: brew install nats-server), or put it on the PATH.`;

/**
 * Finds nats-server on the PATH or where Debian puts it; as root on Debian installs it when it is missing.
 *
 * @throws with instructions when there is none to be had
 */
export async function natsProgram(): Promise<string> {
  const present = await findNats();
  if (present !== undefined) return present;
  if (process.getuid?.() !== 0 || !(await isExecutable("/usr/bin/apt-get"))) throw new Error(MISSING);
  try {
    await aptGet("update");
    await aptGet("install", "--yes", "--no-install-recommends", "nats-server");
  } catch (error) {
    throw new Error(`${MISSING}\nInstalling it with apt-get failed.`, { cause: error });
  }
  const installed = await findNats();
  if (installed === undefined) throw new Error(MISSING);
  return installed;
}

async function findNats(): Promise<string | undefined> {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== "");
  for (const directory of [...onPath, "/usr/sbin", "/usr/local/sbin"]) {
    const program = join(directory, "nats-server");
    if (await isExecutable(program)) return program;
  }
  return undefined;
}

/** Debian's package starts a server where there is an init system, on the default port; the tests use none of it. */
function aptGet(...args: string[]): Promise<void> {
  console.log(`nats-server is missing: apt-get ${args.join(" ")}`);
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
