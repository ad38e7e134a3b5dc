import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { palaver, startServerProcess } from "../kit/palaver-process.js";

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "palaver-test-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe("a server that cannot start says why, what to do, and ends with code 2", { timeout: 60_000 }, () => {
  it("when its port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { code, stderr } = await palaver(["serve", "--listen", `127.0.0.1:${port}`], { HOME: home });
    taken.close();
    expect(stderr).toContain("[PORT_IN_USE]");
    expect(stderr).toContain(String(port));
    expect(code).toBe(2);
  });

  it("when another process has its data folder open, which goes on unharmed", async () => {
    const env = { HOME: home, PALAVER_DATA_DIR: join(home, "shared-folder") };
    await using first = await startServerProcess(env);
    const { code, stderr } = await palaver(["serve", "--listen", "127.0.0.1:0"], env);
    expect(stderr).toContain("[DATA_DIR_IN_USE]");
    expect(stderr).toContain(env.PALAVER_DATA_DIR);
    expect(code).toBe(2);
    expect((await first.client.createChat({ title: "still here" })).chat?.title).toBe("still here");
  });

  it.each([
    [{ PALAVER_LEASE: "soon" }, "INVALID_CONFIGURATION", "PALAVER_LEASE"],
    [{ PALAVER_LEESE: "15s" }, "INVALID_CONFIGURATION", "PALAVER_LEASE"],
    [{ PALAVER_MODEL: "anthropic/claude" }, "UNKNOWN_MODEL", "PALAVER_MODEL"],
    [{ PALAVER_LISTEN: "0.0.0.0:0" }, "INVALID_CONFIGURATION", "PALAVER_AUTH=tokens"],
  ])("when the configuration is wrong: %o", async (env, reason, named) => {
    const { code, stderr } = await palaver(["serve"], { HOME: home, ...env });
    expect(stderr).toContain(`[${reason}]`);
    expect(stderr).toContain(named);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(2);
  });
});
