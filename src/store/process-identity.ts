import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { z } from "zod";

/** Tells one process from every other one, also from a later one with the same pid. */
export const processIdentitySchema = z.object({
  pid: z.number().int().positive(),
  hostname: z.string(),
  /** The running kernel and the process' pid namespace, where pids mean something; null where there is no /proc. */
  world: z.object({ bootId: z.string(), pidNamespace: z.string() }).nullable(),
  /** In clock ticks since the kernel started; null where there is no /proc. */
  startTicks: z.string().nullable(),
});

export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

export async function ownIdentity(): Promise<ProcessIdentity> {
  return {
    pid: process.pid,
    hostname: hostname(),
    world: await ownWorld(),
    startTicks: (await readProcessStat(process.pid))?.startTicks ?? null,
  };
}

/**
 * Whether the process still runs. "unknown" when it belongs to another container or machine, whose pids mean nothing here.
 */
export async function processState(other: ProcessIdentity): Promise<"alive" | "dead" | "unknown"> {
  const world = await ownWorld();
  if (world?.bootId !== other.world?.bootId) return other.hostname === hostname() ? "dead" : "unknown"; // rebooted since
  if (world?.pidNamespace !== other.world?.pidNamespace) return "unknown";
  if (world === null && other.hostname !== hostname()) return "unknown";

  if (!pidExists(other.pid)) return "dead";
  const stat = await readProcessStat(other.pid);
  if (stat === undefined || other.startTicks === null) return "alive";
  if (stat.zombie) return "dead"; // killed, but not yet reaped by its parent
  return stat.startTicks === other.startTicks ? "alive" : "dead";
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"; // EPERM: somebody else's process
  }
}

async function ownWorld(): Promise<ProcessIdentity["world"]> {
  try {
    const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    return { bootId, pidNamespace: await readlink("/proc/self/ns/pid") };
  } catch {
    return null;
  }
}

async function readProcessStat(pid: number): Promise<{ startTicks: string; zombie: boolean } | undefined> {
  try {
    // proc(5): the second field, the program's name, may itself contain spaces and brackets.
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state, startTicks] = [fields[0], fields[19]];
    return startTicks === undefined ? undefined : { startTicks, zombie: state === "Z" || state === "X" };
  } catch {
    return undefined;
  }
}
