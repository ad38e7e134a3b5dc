import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, sourceCommand } from "../kit/compiled-sources.js";
import { palaver } from "../kit/palaver-process.js";

const run = promisify(execFile);

interface Listed {
  readonly cases: readonly { readonly id: string }[];
}

describe("palaver conformance", () => {
  test("from the sources passes on arguments and exit codes", { timeout: 60_000 }, async () => {
    const { PATH = "" } = process.env;
    const main = sourceCommand("src/cli/main.ts");
    const help = await palaver(["conformance", "--help"], { PATH }, "", main);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining("doctor") });
    const wrong = await palaver(["conformance", "list", "no-such-group"], { PATH }, "", main);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no case is called no-such-group"),
    });
  });
});

describe("the package", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "palaver-package-"));
    // Builds, as a release does; other tests run from the sources.
    await run("npm", ["pack", "--pack-destination", folder], { cwd: root });
    const [name = ""] = await readdir(folder);
    await run("tar", ["-xzf", name], { cwd: folder });
    // As npm would install it: with its own dependencies alone.
    const modules = join(folder, "package/node_modules");
    await mkdir(modules);
    for (const dependency of await productionFolders()) {
      await mkdir(join(modules, dependency, ".."), { recursive: true });
      await symlink(join(root, "node_modules", dependency), join(modules, dependency));
    }
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("lists every case of the conformance suite, and explains its rules", { timeout: 60_000 }, async () => {
    const main = join(folder, "package/dist/cli/main.js");
    const { stdout } = await run(process.execPath, [main, "conformance", "list", "--json"], { cwd: folder });
    const listed = (JSON.parse(stdout) as Listed).cases.map(({ id }) => id);
    const { cases } = await import("../../conformance/suite/cases/all-cases.js");
    expect(listed).toEqual(cases.map(({ id }) => id));
    const { stdout: rule } = await run(process.execPath, [main, "conformance", "explain", "RELAY-3"], {
      cwd: folder,
    });
    expect(rule).toContain("RELAY-3 [MUST]");
  });

  test("holds the suite without its tests and mutants", async () => {
    const files = await readdir(join(folder, "package/dist/conformance"), { recursive: true });
    expect(files.filter((file) => /[.](test|fixture)[.]|mutants|degenerate/.test(file))).toEqual([]);
    expect(files.filter((file) => file.startsWith("vectors/legacy-content/")).length).toBeGreaterThan(100);
  });
});

/** The folders in node_modules of what is installed with the package. */
async function productionFolders(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
  };
  return Object.entries(lock.packages).flatMap(([path, { dev, devOptional }]) => {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? [];
    return name === undefined || dev === true || devOptional === true ? [] : [name];
  });
}
