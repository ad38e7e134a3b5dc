import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../test/kit/until.js";
import { ManualClock } from "../platform/index.js";
import { acquireDataDirLock, lockFileName } from "./data-dir-lock.js";

let dataDir: string;
const children: Contender[] = [];

beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), "palaver-lock-")), "data");
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.kill();
  await rm(join(dataDir, ".."), { recursive: true });
});

/** A process of its own that contends for the lock: see data-dir-lock.fixture.ts. */
class Contender {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor() {
    const fixture = fileURLToPath(new URL("./data-dir-lock.fixture.ts", import.meta.url));
    this.process = spawn(process.execPath, ["--import", "tsx", fixture, dataDir], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    if (this.process.stdout === null) throw new Error("no pipe to the child");
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    children.push(this);
  }

  static async start(): Promise<Contender> {
    const contender = new Contender();
    expect(await contender.#answer()).toBe("ready");
    return contender;
  }

  /** Acquires, or releases what was acquired. */
  async step(): Promise<string> {
    this.process.stdin?.write("\n");
    return this.#answer();
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await exited;
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#lines.next();
    return done === true ? "ended" : value;
  }
}

async function lockContent(): Promise<{ token: string; holder: Record<string, unknown> }> {
  return JSON.parse(await readFile(join(dataDir, lockFileName), "utf8")) as Awaited<
    ReturnType<typeof lockContent>
  >;
}

describe("one process", () => {
  test("creates the folder for itself alone and leaves it clean", async () => {
    const lock = await acquireDataDirLock(join(dataDir, "deep"));
    expect((await stat(join(dataDir, "deep"))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(dataDir, "deep"))).toEqual([lockFileName]);
    await lock.release();
    await lock.release();
    expect(await readdir(join(dataDir, "deep"))).toEqual([]);
  });

  test("cannot take the lock twice, and is told who has it and what to do", async () => {
    const lock = await acquireDataDirLock(dataDir);
    await expect(acquireDataDirLock(dataDir)).rejects.toMatchObject({
      name: "StoreError",
      reason: "DATA_DIR_IN_USE",
      message: `The data folder ${dataDir} is in use by process ${process.pid}, this one. Stop that process, choose another folder, or run several replicas on one Postgres server with DATABASE_URL.`,
    });
    await lock.release();
    await (await acquireDataDirLock(dataDir)).release();
  });

  test("a lock whose pid now belongs to another process is taken over", async () => {
    const earlier = await acquireDataDirLock(dataDir);
    const content = await lockContent();
    await earlier.release();
    await writeFile(
      join(dataDir, lockFileName),
      JSON.stringify({ ...content, holder: { ...content.holder, startTicks: "1" } }),
    );
    const lock = await acquireDataDirLock(dataDir);
    expect((await lockContent()).token).not.toBe(content.token);
    await lock.release();
  });

  test("a lock from before the machine was restarted is taken over", async () => {
    const earlier = await acquireDataDirLock(dataDir);
    const content = await lockContent();
    await earlier.release();
    const world = { bootId: "another", pidNamespace: "pid:[1]" };
    await writeFile(
      join(dataDir, lockFileName),
      JSON.stringify({ ...content, holder: { ...content.holder, world } }),
    );
    await (await acquireDataDirLock(dataDir)).release();
  });

  test("a lock file that nobody can read is not taken over, and the message says what to do", async () => {
    await (await acquireDataDirLock(dataDir)).release();
    await writeFile(join(dataDir, lockFileName), "");
    await expect(acquireDataDirLock(dataDir)).rejects.toMatchObject({
      reason: "DATA_DIR_IN_USE",
      message: expect.stringContaining("then delete the file"),
    });
  });

  test("what killed starters left behind is removed", async () => {
    const earlier = await acquireDataDirLock(dataDir);
    const content = await lockContent();
    await earlier.release();
    const dead = { ...content, token: "dead", holder: { ...content.holder, startTicks: "1" } };
    await writeFile(join(dataDir, `${lockFileName}.new-dead`), JSON.stringify(dead));
    await writeFile(join(dataDir, `${lockFileName}.after-long-ago`), JSON.stringify(dead));
    await writeFile(join(dataDir, "something-else"), "");
    const lock = await acquireDataDirLock(dataDir);
    expect((await readdir(dataDir)).sort()).toEqual([lockFileName, "something-else"]);
    await lock.release();
  });

  test("a takeover that was itself killed half way does not block the next one", async () => {
    const earlier = await acquireDataDirLock(dataDir);
    const content = await lockContent();
    await earlier.release();
    const dead = (token: string): string =>
      JSON.stringify({ ...content, token, holder: { ...content.holder, startTicks: "1" } });
    await writeFile(join(dataDir, lockFileName), dead("t0"));
    await writeFile(join(dataDir, `${lockFileName}.after-t0`), dead("t1"));
    await writeFile(join(dataDir, `${lockFileName}.after-t1`), dead("t2"));
    const lock = await acquireDataDirLock(dataDir);
    expect(await readdir(dataDir)).toEqual([lockFileName]);
    await lock.release();
  });
});

test("of many that take over a dead holder's lock at once exactly one gets it", async () => {
  const earlier = await acquireDataDirLock(dataDir);
  const content = await lockContent();
  await earlier.release();
  const dead = (token: string): string =>
    JSON.stringify({ ...content, token, holder: { ...content.holder, startTicks: "1" } });
  for (let round = 0; round < 50; round += 1) {
    await writeFile(join(dataDir, lockFileName), dead(`t${round}`));
    // In every other round somebody was killed in the middle of a takeover before.
    if (round % 2 === 1) await writeFile(join(dataDir, `${lockFileName}.after-t${round}`), dead(`u${round}`));
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => acquireDataDirLock(dataDir)));
    const held = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const reasons = results.flatMap((result) =>
      result.status === "rejected" ? [result.reason as unknown] : [],
    );
    expect(held).toHaveLength(1);
    for (const reason of reasons) expect(reason).toMatchObject({ reason: "DATA_DIR_IN_USE" });
    for (const lock of held) await lock.release();
    expect(await readdir(dataDir)).toEqual([]);
  }
});

describe("a holder in another container or on another machine", () => {
  async function foreignLock(): Promise<void> {
    const earlier = await acquireDataDirLock(dataDir);
    const content = await lockContent();
    await earlier.release();
    const holder = {
      pid: 1,
      hostname: "elsewhere",
      world: { bootId: "another", pidNamespace: "pid:[1]" },
      startTicks: "1",
    };
    await writeFile(join(dataDir, lockFileName), JSON.stringify({ ...content, holder }));
  }

  test("keeps the lock while it shows signs of life", async () => {
    await foreignLock();
    const clock = new ManualClock();
    const refused = expect(acquireDataDirLock(dataDir, { clock })).rejects.toMatchObject({
      reason: "DATA_DIR_IN_USE",
      message: expect.stringContaining("process 1 on elsewhere"),
    });
    await until(() => clock.pending > 0, { what: "the starter to watch" });
    await utimes(join(dataDir, lockFileName), new Date(1e12), new Date(1e12));
    clock.advance(15_000);
    await refused;
  });

  test("loses the lock after 15 seconds of silence", async () => {
    await foreignLock();
    const clock = new ManualClock();
    const acquiring = acquireDataDirLock(dataDir, { clock });
    await until(() => clock.pending > 0, { what: "the starter to watch" });
    clock.advance(15_000);
    await (await acquiring).release();
  });

  test("sees ours touched every two seconds until it is released", async () => {
    const clock = new ManualClock(new Date("2030-01-01T00:00:00Z"));
    const lock = await acquireDataDirLock(dataDir, { clock });
    for (const second of [2, 4]) {
      clock.advance(2_000);
      await until(async () => (await stat(join(dataDir, lockFileName))).mtime.getUTCSeconds() === second, {
        what: "a touch",
      });
      await until(() => clock.pending > 0, { what: "the next touch to be planned" });
    }
    await lock.release();
    expect(clock.pending).toBe(0);
  });
});

describe("several processes", () => {
  test("a second process is refused until the first releases or is killed", async () => {
    const [first, second] = await Promise.all([Contender.start(), Contender.start()]);
    expect(await first.step()).toBe("held");
    expect(await second.step()).toBe("refused DATA_DIR_IN_USE");
    await expect(acquireDataDirLock(dataDir)).rejects.toThrow(`process ${first.process.pid}.`);
    expect(await first.step()).toBe("released");
    expect(await second.step()).toBe("held");
    await second.kill();
    expect(await first.step()).toBe("held");
  });

  test("of many that start at once exactly one gets the lock, free or left by a killed one, round after round", async () => {
    let contenders = await Promise.all(Array.from({ length: 8 }, () => Contender.start()));
    while (contenders.length > 1) {
      const answers = await Promise.all(contenders.map((contender) => contender.step()));
      expect(answers.toSorted()).toEqual([
        "held",
        ...Array.from({ length: contenders.length - 1 }, () => "refused DATA_DIR_IN_USE"),
      ]);
      const holder = contenders[answers.indexOf("held")];
      await holder?.kill();
      contenders = contenders.filter((contender) => contender !== holder);
    }
  });
});
