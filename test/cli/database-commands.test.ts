import { Code } from "@connectrpc/connect";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPglite } from "../../src/store/index.js";
import { refusal, startFakeChatServer } from "./fake-chat-server.js";
import { startNats } from "../kit/nats-server.js";
import { until } from "../kit/until.js";
import { runPalaver, startPalaver } from "./run-palaver.js";

/** Commands that work on the embedded database itself, in one folder, in the order in which somebody would use them. */
let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "palaver-cli-"));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const env = (): NodeJS.ProcessEnv => ({ PALAVER_DATA_DIR: dataDir });

test("doctor creates nothing, and a server that nobody spoke of need not run", async () => {
  const run = await runPalaver(["doctor", "--json"], { env: { ...env(), PALAVER_LISTEN: "127.0.0.1:1" } });
  const findings = run.stdout
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text) as { check: string; status: string; detail: string });
  expect(Object.fromEntries(findings.map(({ check, status }) => [check, status]))).toEqual({
    "Node.js": "ok",
    configuration: "ok",
    "default model": "ok",
    server: "note",
    "data folder": "ok",
  });
  expect(run.exitCode).toBe(0);
});

test("doctor tries the token", async () => {
  await using server = await startFakeChatServer({
    listChats: (_, { requestHeader }) => {
      if (requestHeader.get("authorization") === "Bearer plv_good") return {};
      throw refusal(Code.Unauthenticated, "INVALID_CREDENTIAL", "The API token is not valid.");
    },
  });
  const withToken = (token: string) => ({ env: { ...env(), PALAVER_URL: server.url, PALAVER_TOKEN: token } });
  const good = await runPalaver(["doctor"], withToken("plv_good"));
  expect(good.stdout).toContain(`✓ token          ${server.url} takes PALAVER_TOKEN\n`);
  expect(good.exitCode).toBe(0);
  const bad = await runPalaver(["doctor"], withToken("plv_bad"));
  expect(bad.stdout).toContain(
    "✗ token          PALAVER_TOKEN: The API token is not valid. [INVALID_CREDENTIAL]\n",
  );
  expect(bad.stdout).toContain("`npx palaver token create`");
  expect(bad.exitCode).toBe(1);
});

test("doctor fails for what is wrong", async () => {
  const wrong = { ...env(), PALAVER_MODEL: "openai/gpt-5-mini", PALAVER_URL: "http://127.0.0.1:1" };
  const run = await runPalaver(["doctor"], { env: wrong });
  expect(run.exitCode).toBe(1);
  expect(run.stdout).toContain('✗ default model  The default model "openai/gpt-5-mini" cannot be used');
  expect(run.stdout).toContain("✗ server         Cannot reach http://127.0.0.1:1");
  const invalid = await runPalaver(["doctor"], { env: { PALAVER_LEASE: "x" } });
  expect(invalid.exitCode).toBe(1);
  expect(invalid.stdout).toContain("PALAVER_LEASE: expected a duration");
});

test("doctor tries NATS", async () => {
  await using nats = await startNats({
    config: 'authorization { token: "s3cr3t" }',
    login: { token: "s3cr3t" },
  });
  const withToken = (token: string) => ({ env: { ...env(), NATS_URL: nats.url, NATS_TOKEN: token } });
  const good = await runPalaver(["doctor"], withToken("s3cr3t"));
  expect(good.stdout).toMatch(/• NATS {11}127\.0\.0\.1:\d+, version \S+, with JetStream\n.*set DATABASE_URL/);
  expect(good.exitCode).toBe(0);
  const bad = await runPalaver(["doctor"], withToken("hunter2"));
  expect(bad.stdout).toMatch(/✗ NATS {11}.*refuses the credential of this server\. \[NATS_REFUSED\]\n/);
  expect(bad.stdout + bad.stderr).not.toContain("hunter2");
  expect(bad.exitCode).toBe(1);
  await nats.kill();
  const gone = await runPalaver(["doctor"], withToken("s3cr3t"));
  expect(gone.stdout).toMatch(/✗ NATS {11}.*\[NATS_UNREACHABLE\]\n.*Is nats-server running/);
  await using plain = await startNats({ jetStream: false });
  const without = await runPalaver(["doctor"], { env: { ...env(), NATS_URL: plain.url } });
  expect(without.stdout).toMatch(/✗ NATS {11}.*JetStream is not enabled/);
});

describe("migrate", () => {
  test("tells what is pending, applies it, and has nothing left to do", async () => {
    const pending = await runPalaver(["migrate", "--status", "--json"], { env: env() });
    expect(pending.exitCode).toBe(1);
    expect((JSON.parse(pending.stdout) as { pending: string[] }).pending).toContain("0001_initial");
    expect((await runPalaver(["migrate"], { env: env() })).stdout).toMatch(/^applied 0001_initial\n/);
    expect((await runPalaver(["migrate"], { env: env() })).stdout).toMatch(
      /^up to date, at migration \d+\n$/,
    );
    const done = await runPalaver(["migrate", "--status"], { env: env() });
    expect(done.exitCode).toBe(0);
    expect(done.stdout).toMatch(/applied {2}0001_initial {2}\d{4}-/);
  });
});

describe("token", () => {
  test("is made, listed without its secret, and revoked", async () => {
    const made = await runPalaver(["token", "create", "--owner", "ada", "--expires", "30d"], { env: env() });
    const [token = "", id = ""] = /^plv_([0-9a-f]{16})_\S+\n$/.exec(made.stdout) ?? [];
    expect(made.stderr).toContain(`palaver token revoke ${id}`);
    const listed = await runPalaver(["token", "ls"], { env: env() });
    expect(listed.stdout).toMatch(
      new RegExp(`${id}  ada +user +good until \\d{4}-\\d\\d-\\d\\d +never +ada\\n`),
    );
    expect(listed.stdout).not.toContain(token.trim());
    expect(await runPalaver(["token", "revoke", id], { env: env() })).toMatchObject({
      exitCode: 0,
      stdout: `revoked ${id}\n`,
    });
    expect((await runPalaver(["token", "ls", "--json"], { env: env() })).stdout).toMatch(
      /"revokedAt":"\d{4}-/,
    );
    const unknown = await runPalaver(["token", "revoke", "nope"], { env: env() });
    expect(unknown.exitCode).toBe(1);
    expect(unknown.stderr).toContain("[TOKEN_NOT_FOUND]");
  });

  test("while a server has the database, says to stop it first", async () => {
    await using _database = await openPglite({ dataDir: join(dataDir, "database") });
    const run = await runPalaver(["token", "ls"], { env: env() });
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toMatch(/is in use by process .* Stop that process, .* \[DATA_DIR_IN_USE\]\n$/);
  });
});

describe("a server that cannot start as it is configured exits with 2 and says what to do:", () => {
  test.each([
    ["a file in the path", "/etc/passwd", "ENOTDIR"],
    ["a folder where none can be made", "/proc/x", "ENOENT"],
  ])("%s", async (_what, folder, code) => {
    const run = await runPalaver(["serve", "--listen", "127.0.0.1:0", "--data-dir", folder]);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain(`The data folder ${folder}/database cannot be used: `);
    expect(run.stderr).toMatch(
      new RegExp(`\\(${code}\\)\\. .*PALAVER_DATA_DIR.* \\[DATA_DIR_UNUSABLE\\]\n$`),
    );
  });

  test("scripts that are not there", async () => {
    const run = await runPalaver(["serve", "--listen", "127.0.0.1:0"], {
      env: { ...env(), PALAVER_SCRIPTS: "/nonexistent" },
    });
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain(
      "PALAVER_SCRIPTS: There is no file or folder /nonexistent [INVALID_CONFIGURATION]",
    );
  });
});

describe("serve", () => {
  test("says where it listens and what to try, answers, and stops at SIGTERM", async () => {
    const run = startPalaver(["serve", "--listen", "127.0.0.1:0"], {
      env: { ...env(), PALAVER_LOG_LEVEL: "silent" },
    });
    await until(() => run.stdout().includes("Ctrl-C stops the server."), {
      what: "the welcome",
      deadlineMs: 30_000,
    });
    const url = /listening +(http:\S+)/.exec(run.stdout())?.[1] ?? "";
    expect(run.stdout()).toContain(`npx palaver chat --url ${url} "hello"`);
    const answer = await runPalaver(["chat", "hello", "--url", url]);
    expect(answer).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("scripted model") as string,
    });
    run.terminate();
    expect(await run.exitCode).toBe(0);
    expect(run.stdout()).toMatch(/stopping….*\nstopped\n$/);
  });

  test("tells programs in one line, and takes a configuration that is wrong for no start", async () => {
    const run = startPalaver(["serve", "--listen", "127.0.0.1:0", "--json"], {
      env: { ...env(), PALAVER_LOG_LEVEL: "silent" },
    });
    await until(() => run.stdout() !== "", { what: "the line", deadlineMs: 30_000 });
    expect(JSON.parse(run.stdout())).toMatchObject({
      url: expect.stringMatching(/^http:/) as string,
      id: expect.any(String) as string,
    });
    run.interrupt();
    expect(await run.exitCode).toBe(0);
    expect((await runPalaver(["serve", "--listen", "0.0.0.0:0"], { env: env() })).exitCode).toBe(2);
  });
});
