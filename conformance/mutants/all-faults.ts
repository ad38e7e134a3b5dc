import { readdir } from "node:fs/promises";
import type { Fault } from "./fault.js";

const folder = new URL("faults/", import.meta.url);

/** All mutants, by id: each file of the folder `faults` exports `fault`. */
export async function allFaults(): Promise<Fault[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".ts"));
  const faults = await Promise.all(
    names.map(async (name) => ((await import(new URL(name, folder).href)) as { fault: Fault }).fault),
  );
  return faults.sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
}
