import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter } from "node:path";

/** The directories of the PATH. */
export function pathDirectories(): string[] {
  return (process.env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== "");
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Whether this machine is one where programs that are missing may be installed: Debian or the like, as root. */
export async function canInstallPackages(): Promise<boolean> {
  return process.getuid?.() === 0 && (await isExecutable("/usr/bin/apt-get"));
}

/** Installs a package with apt-get, and says so: it takes a while. */
export async function installPackage(name: string): Promise<void> {
  console.log(`${name} is missing: it is installed with apt-get`);
  await aptGet("update");
  await aptGet("install", "--yes", "--no-install-recommends", name);
}

async function aptGet(...args: string[]): Promise<void> {
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
