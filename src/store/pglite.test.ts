import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openPglite } from "./pglite.js";

let home: string;
let dataDir: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "palaver-pglite-"));
  dataDir = join(home, "data");
});
afterEach(() => rm(home, { recursive: true }));

test("one process at a time, and after a SIGKILL the next one finds what was acknowledged", async () => {
  const fixture = fileURLToPath(new URL("./pglite.fixture.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", fixture, dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  try {
    await Promise.race([
      once(child.stdout, "data"),
      exited.then(() => Promise.reject(new Error("the fixture ended"))),
    ]);
    await expect(openPglite({ dataDir })).rejects.toMatchObject({
      reason: "DATA_DIR_IN_USE",
      message: expect.stringContaining(`process ${child.pid}.`),
    });
  } finally {
    child.kill("SIGKILL");
    await exited;
  }

  const first = { name: "test.first", text: "select count(*) as n from t where n = 1" };
  {
    await using database = await openPglite({ dataDir });
    expect(await database.query(first)).toEqual([{ n: 1 }]);
    await database.script("insert into t values (1)");
  }
  expect(await readdir(dataDir)).toEqual(["pgdata"]);
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  await using again = await openPglite({ dataDir });
  expect(await again.query(first)).toEqual([{ n: 2 }]);
});
