import { transform } from "esbuild";
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { cases } from "../suite/cases/all-cases.js";
import { isSelected } from "../suite/cases/select.js";
import { allFaults } from "./all-faults.js";
import { applyEdit, type Fault } from "./fault.js";

const root = new URL("../../", import.meta.url);
const faults = await allFaults();

/** The files that a fault changes, as they are then. */
async function edited({ edits }: Fault): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const edit of edits) {
    const source = files.get(edit.file) ?? (await readFile(new URL(edit.file, root), "utf8"));
    files.set(edit.file, applyEdit(source, edit));
  }
  return files;
}

const isKnown = (pattern: string): boolean => cases.some(({ id }) => isSelected(id, [pattern]));

it("mutants are called as their files are", async () => {
  const names = await readdir(new URL("faults/", import.meta.url));
  expect(faults.map(({ id }) => `${id}.ts`).sort()).toEqual(names.sort());
  for (const { id } of faults) expect(id).toMatch(/^M\d{2,3}$/);
});

describe.each(faults.map((fault) => [fault.id, fault] as const))("%s", (_, fault) => {
  it("fits the sources as they are, changes them, and leaves them TypeScript", async () => {
    for (const { find, replace } of fault.edits) expect(replace).not.toBe(find);
    for (const [sourcefile, source] of await edited(fault))
      await transform(source, { loader: "ts", sourcefile });
  });

  it("kills and spares cases that there are, none both", () => {
    expect([...fault.kills, ...fault.spares].filter((pattern) => !isKnown(pattern))).toEqual([]);
    const { kills, spares } = fault;
    expect(cases.filter(({ id }) => isSelected(id, kills) && spares.includes(id))).toEqual([]);
  });
});

it("each case of a MUST has its mutant, which says so", () => {
  const without = cases
    .filter(({ level }) => level === "MUST")
    .filter(({ id, mutant }) => !faults.some((fault) => fault.id === mutant && isSelected(id, fault.kills)))
    .map(({ id, mutant }) => `${id}: ${mutant}`);
  expect(without).toEqual([]);
});
