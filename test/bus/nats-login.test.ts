import { create } from "@bufbuild/protobuf";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nkeys } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectNatsBus, probeNats } from "../../src/bus/index.js";
import { loadConfig, type NatsConfig } from "../../src/config/index.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatNotificationSchema } from "../../src/gen/palaver/relay/v1/notification_pb.js";
import { type Logger, silentLogger, systemClock, systemRandom } from "../../src/platform/index.js";
import { type NatsServer, type NatsServerOptions, startNats } from "../kit/nats-server.js";
import { until } from "../kit/until.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "palaver-login-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const pem = (name: string): string => fileURLToPath(new URL(`tls/${name}.pem`, import.meta.url));

/** What the environment says about NATS. */
function natsOf(env: Record<string, string>): NatsConfig {
  const { bus } = loadConfig({ HOME: folder, DATABASE_URL: "postgres://nowhere/x", ...env });
  if (bus.kind !== "nats") throw new Error("expected NATS");
  return bus;
}

/** How an attempt to connect ends: "in", or the error's reason and text. */
async function attempt(env: Record<string, string>): Promise<string> {
  const lines: unknown[] = [];
  const log = (...line: unknown[]): void => void lines.push(line);
  const logger: Logger = {
    ...silentLogger,
    debug: log,
    info: log,
    warn: log,
    error: log,
    child: () => logger,
  };
  try {
    const deps = { clock: systemClock, random: systemRandom, logger };
    await using _bus = await connectNatsBus({ ...natsOf(env), ...deps });
    await until(() => JSON.stringify(lines).includes("connected to NATS"), { what: "the connection" });
    return "in";
  } catch (error) {
    const { reason, message } = error as { reason?: string; message: string };
    return `${String(reason)}: ${message} ${JSON.stringify(lines)}`;
  }
}

interface Case {
  readonly name: string;
  readonly server: () => Promise<NatsServerOptions>;
  readonly good: (server: NatsServer) => Record<string, string>;
  readonly bad: (server: NatsServer) => Record<string, string>;
}

const user = nkeys.createUser();
const stranger = nkeys.createUser();
const seedOf = (key: typeof user): string => new TextDecoder().decode(key.getSeed() as Uint8Array);

const cases: readonly Case[] = [
  {
    name: "user and password",
    server: async () => ({
      config: 'authorization { user: "ada", password: "p@ss/word" }',
      login: { user: "ada", pass: "p@ss/word" },
    }),
    good: ({ port }) => ({ NATS_URL: `nats://ada:p%40ss%2Fword@127.0.0.1:${port}` }),
    bad: ({ url }) => ({ NATS_URL: url, NATS_USER: "ada", NATS_PASSWORD: "hunter2" }),
  },
  {
    name: "a token",
    server: async () => ({ config: 'authorization { token: "s3cr3t" }', login: { token: "s3cr3t" } }),
    good: ({ url }) => ({ NATS_URL: url, NATS_TOKEN: "s3cr3t" }),
    bad: ({ port }) => ({ NATS_URL: `nats://hunter2@127.0.0.1:${port}` }),
  },
  {
    name: "an NKey",
    server: async () => {
      await writeFile(join(folder, "user.nk"), `${seedOf(user)}\n`);
      await writeFile(join(folder, "stranger.nk"), seedOf(stranger));
      return {
        config: `authorization { users: [{ nkey: "${user.getPublicKey()}" }, { user: "kit", password: "kit" }] }`,
        login: { user: "kit", pass: "kit" },
      };
    },
    good: ({ url }) => ({ NATS_URL: url, NATS_NKEY: join(folder, "user.nk") }),
    bad: ({ url }) => ({ NATS_URL: url, NATS_NKEY: join(folder, "stranger.nk") }),
  },
];

describe.each(cases)("a server that asks for $name", ({ server: options, good, bad }) => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNats(await options());
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("lets in whoever has it", async () => {
    expect(await attempt(good(server))).toBe("in");
    expect(await probeNats(natsOf(good(server)))).toMatchObject({ jetStream: true });
  });

  it("refuses whoever has another or none, and nothing tells the secret", async () => {
    for (const env of [bad(server), { NATS_URL: server.url }]) {
      const refused = await attempt(env);
      expect(refused).toMatch(/^NATS_REFUSED: .* refuses the credential/);
      expect(refused).not.toContain("hunter2");
      expect(refused).not.toContain(seedOf(stranger));
    }
  });
});

it("a user needs no more permissions than the documentation names", async () => {
  const permissions = `{
    publish: { allow: ["palaver.v1.>", "$JS.API.STREAM.*.PALAVER_NOTIFY"] }
    subscribe: { allow: ["palaver.v1.>", "_INBOX.>"] }
  }`;
  const users = `{ user: "ada", password: "ada", permissions: ${permissions} }, { user: "kit", password: "kit" }`;
  await using server = await startNats({
    config: `authorization { users: [${users}] }`,
    login: { user: "kit", pass: "kit" },
  });
  const refused: unknown[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (...line: unknown[]) => void refused.push(line),
    child: () => logger,
  };
  const nats = natsOf({ NATS_URL: server.url, NATS_USER: "ada", NATS_PASSWORD: "ada" });
  expect(await probeNats(nats)).toMatchObject({ jetStream: true });
  const open = () => connectNatsBus({ ...nats, clock: systemClock, random: systemRandom, logger });
  const chatId = randomUUID();
  {
    await using a = await open();
    await using b = await open();
    const heard: string[] = [];
    using _chat = b.watchChat(chatId, () => heard.push("chat"));
    using _owner = b.watchOwner("ada", () => heard.push("owner"));
    using _work = b.watchRunnable(() => heard.push("work"));
    await until(() => heard.length === 3, { what: "the subscriptions" });
    const status = { status: ChatStatus.PENDING, workerId: "" };
    a.publish(create(ChatNotificationSchema, { chatId, snapshotVersion: 1n, status }), "ada");
    await until(() => heard.length === 6, { what: "all hints" });
  }
  const { streams } = await (await server.connect()).jetstreamManager();
  expect((await streams.info("PALAVER_NOTIFY")).state.messages).toBe(1);
  expect(refused).toEqual([]);
});

describe("a server with TLS", () => {
  let server: NatsServer;
  beforeAll(async () => {
    const config = `tls { cert_file: "${pem("cert")}", key_file: "${pem("key")}", ca_file: "${pem("cert")}", verify: true }`;
    const tls = { caFile: pem("cert"), certFile: pem("cert"), keyFile: pem("key") };
    server = await startNats({ config, login: { tls } });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const mutual = { NATS_CA: pem("cert"), NATS_CERT: pem("cert"), NATS_KEY: pem("key") };

  it("is used when its authority is known, with the certificate that it asks for", async () => {
    expect(await attempt({ NATS_URL: `tls://127.0.0.1:${server.port}`, ...mutual })).toBe("in");
    expect(await attempt({ NATS_URL: server.url, ...mutual })).toBe("in");
  });

  it("is refused when nobody vouches for it", async () => {
    expect(await attempt({ NATS_URL: `tls://127.0.0.1:${server.port}` })).toMatch(/^NATS_REFUSED: /);
  });
});

it("TLS that the server does not have is not done without", async () => {
  await using server = await startNats();
  expect(await attempt({ NATS_URL: `tls://127.0.0.1:${server.port}` })).toMatch(/^NATS_REFUSED: /);
});

it("a file that cannot be used is named", async () => {
  const missing = join(folder, "nothing.creds");
  expect(await attempt({ NATS_URL: "nats://127.0.0.1:1", NATS_CREDS: missing })).toContain(
    `NATS_FILE_UNREADABLE: ${missing} cannot be used to log in to NATS (ENOENT).`,
  );
  const garbage = join(folder, "garbage.nk");
  await writeFile(garbage, "not a seed");
  expect(await attempt({ NATS_URL: "nats://127.0.0.1:1", NATS_NKEY: garbage })).toMatch(
    /^NATS_FILE_UNREADABLE: \S*garbage\.nk cannot be used to log in to NATS \(/,
  );
});
