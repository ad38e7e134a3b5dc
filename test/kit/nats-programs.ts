import { join } from "node:path";
import { isExecutable, pathDirectories } from "./debian-packages.js";

const MISSING = `The tests need nats-server (2.9 or newer).
Install it (Debian and Ubuntu: apt-get install nats-server; macOS: brew install nats-server), or put it on the PATH.`;

/**
 * Finds nats-server on the PATH or where Debian puts it.
 *
 * @throws with instructions when there is none
 */
export async function natsProgram(): Promise<string> {
  const present = await findNats();
  if (present === undefined) throw new Error(MISSING);
  return present;
}

export async function findNats(): Promise<string | undefined> {
  for (const directory of [...pathDirectories(), "/usr/sbin", "/usr/local/sbin"]) {
    const program = join(directory, "nats-server");
    if (await isExecutable(program)) return program;
  }
  return undefined;
}
