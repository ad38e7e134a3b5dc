import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RelayService } from "../../src/gen/palaver/relay/v1/relay_service_pb.js";
import { noMetrics, silentLogger, systemClock, systemRandom } from "../../src/platform/index.js";
import { createRelayService, RelayMetrics } from "../../src/relay/index.js";
import { startRpcServer } from "../../src/server/index.js";
import { findClusterSecret, readClusterSecret } from "../../src/store/index.js";
import { DeltaLog } from "../../src/stream/index.js";
import { type Authority, type Certificate, createAuthority } from "../kit/certificates.js";
import { openTestDatabase, type OpenTestDatabase } from "../kit/databases.js";
import { type NatsServer, startNats } from "../kit/nats-server.js";
import { freePort } from "../kit/ports.js";
import { startTestReplica } from "../kit/replica.js";
import { addTurn, beatAs } from "./directory.js";
import { runPalaver } from "./run-palaver.js";

let nats: NatsServer;
let opened: OpenTestDatabase;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats[Symbol.asyncDispose]());
beforeEach(async () => {
  opened = await openTestDatabase("postgres");
});
afterEach(() => opened[Symbol.asyncDispose]());

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly detail: string;
  readonly advice?: string;
}

/** What doctor finds of replicas, and how it exits. */
async function examine(env: NodeJS.ProcessEnv = {}): Promise<{ findings: Finding[]; exitCode: number }> {
  const run = await runPalaver(["doctor", "--json"], {
    env: { DATABASE_URL: opened.url, PALAVER_LISTEN: "127.0.0.1:1", ...env },
  });
  const findings = run.stdout
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text) as Finding)
    .filter(({ check }) => ["replicas", "versions", "clocks", "links", "turns"].includes(check));
  return { findings, exitCode: run.exitCode };
}

const findingsOf = async (check: string, env?: NodeJS.ProcessEnv): Promise<Finding[]> =>
  (await examine(env)).findings.filter((finding) => finding.check === check);

interface RelayOptions {
  readonly id?: string;
  /** Default: the one that replicas share through the database. */
  readonly token?: string;
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

/** A replica's listener for others, and nothing else of it. */
async function startRelay({
  id = randomUUID(),
  token,
  tls,
}: RelayOptions = {}): Promise<{ id: string; advertisedUrl: string } & AsyncDisposable> {
  const episodes = new DeltaLog({ clock: systemClock, graceMs: 0 });
  const server = await startRpcServer({
    host: "127.0.0.1",
    port: 0,
    access: {
      kind: "peers",
      token: token ?? (await readClusterSecret(opened.database, "relay", systemRandom)),
    },
    tls,
    services: (router) => {
      const metrics = new RelayMetrics(noMetrics);
      router.service(RelayService, createRelayService({ replicaId: id, episodes, metrics }));
    },
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  return {
    id,
    advertisedUrl: server.url,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      episodes[Symbol.dispose]();
    },
  };
}

describe("the directory", () => {
  test("of a database without replicas is worth a note", async () => {
    expect(await examine()).toMatchObject({
      exitCode: 0,
      findings: [
        { check: "replicas", status: "note", detail: "0 alive" },
        { check: "turns", status: "ok" },
      ],
    });
  });

  test("counts the living and the dead", async () => {
    await beatAs(opened.database);
    await beatAs(opened.database, { agoMs: 20_000 });
    expect(await examine()).toMatchObject({
      exitCode: 0,
      findings: [
        { check: "replicas", status: "ok", detail: "1 alive, 1 dead" },
        { check: "versions", status: "ok", detail: "0.1.0 (1)" },
        { check: "clocks", status: "ok" },
        { check: "turns", status: "ok" },
      ],
    });
  });

  test("of several replicas without NATS is worth a note", async () => {
    await beatAs(opened.database);
    await beatAs(opened.database);
    expect(await findingsOf("replicas")).toMatchObject([
      { status: "note", detail: "2 alive; NATS_URL is not set here" },
    ]);
  });

  test("with clocks and versions that are apart fails, and the dead do not count", async () => {
    await beatAs(opened.database, { clockSkewMs: 30_000 });
    await beatAs(opened.database, { version: "0.3.0" });
    await beatAs(opened.database, { version: "0.9.0", clockSkewMs: -3_600_000, agoMs: 60_000 });
    const { findings, exitCode } = await examine();
    expect(exitCode).toBe(1);
    expect(findings.find(({ check }) => check === "versions")).toMatchObject({
      status: "failed",
      detail: "0.1.0 (1), 0.3.0 (1)",
    });
    expect(findings.find(({ check }) => check === "clocks")).toMatchObject({
      status: "failed",
      detail: expect.stringMatching(/^[0-9a-f]{8} .*(, | )[0-9a-f]{8} is (30|29\.9)s ahead/) as string,
    });
  });
});

describe("links", () => {
  const withNats = (): NodeJS.ProcessEnv => ({ NATS_URL: nats.url });

  test("to replicas that answer are in order; those of versions without a relay are left out", async () => {
    await using first = await startRelay();
    await using second = await startRelay();
    for (const relay of [first, second]) await beatAs(opened.database, relay);
    const old =
      "insert into replicas (id, advertised_url, version) values (gen_random_uuid(), 'http://x', '0.1.0')";
    await opened.database.script(old);
    expect(await findingsOf("links", withNats())).toEqual([
      { check: "links", status: "ok", detail: "all 2 replicas answer where they can be reached" },
    ]);
  });

  test("to each replica that does not answer fail, with its URL and what to check", async () => {
    await using relay = await startRelay();
    const closed = `http://127.0.0.1:${await freePort()}`;
    await beatAs(opened.database, relay);
    const unreachable = await beatAs(opened.database, { advertisedUrl: closed });
    const mute = await beatAs(opened.database, { advertisedUrl: "", agoMs: 5_000 });
    const { findings, exitCode } = await examine(withNats());
    expect(exitCode).toBe(1);
    const links = findings.filter(({ check }) => check === "links");
    expect(links).toHaveLength(2);
    expect(links[0]?.detail).toMatch(
      new RegExp(`^${unreachable.slice(0, 8)} at ${closed}: .*ECONNREFUSED.*; its last beat was \\S+ ago$`),
    );
    expect(links[0]?.advice).toMatch(/PALAVER_ADVERTISE_URL.*firewall/);
    expect(links[1]?.detail).toMatch(
      new RegExp(`^${mute.slice(0, 8)} at no URL: .* beat was 5(\\.\\d)?s ago$`),
    );
    // With NATS, a replica that is told no URL says where it listens.
    expect(links[1]?.advice).toContain("NATS_URL");
  });

  test("to what answers and has no relay fail: it is another listener, or another program", async () => {
    await using replica = await startTestReplica();
    await beatAs(opened.database, { advertisedUrl: replica.url });
    expect(await findingsOf("links", withNats())).toMatchObject([
      {
        status: "failed",
        detail: expect.stringContaining("has no relay") as string,
        advice: expect.stringContaining("PALAVER_RELAY_LISTEN") as string,
      },
    ]);
  });

  test("that nobody answers are given up in time, all at once", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    try {
      for (const path of ["a", "b", "c", "d"])
        await beatAs(opened.database, { advertisedUrl: `http://127.0.0.1:${port}/${path}` });
      const beganMs = systemClock.monotonicMs();
      const links = await findingsOf("links", withNats());
      expect(systemClock.monotonicMs() - beganMs).toBeLessThan(15_000);
      expect(links.map(({ detail }) => /: (.*);/.exec(detail)?.[1])).toEqual(
        Array.from({ length: 4 }, () => "no answer within 5s"),
      );
    } finally {
      silent.close();
    }
  });

  test("to a URL where another replica answers fail", async () => {
    await using relay = await startRelay();
    await beatAs(opened.database, relay);
    const lost = await beatAs(opened.database, { advertisedUrl: relay.advertisedUrl });
    const links = await findingsOf("links", withNats());
    expect(links).toMatchObject([
      { status: "failed", advice: expect.stringContaining("PALAVER_ADVERTISE_URL") as string },
    ]);
    expect(links[0]?.detail).toContain(
      `${lost.slice(0, 8)} at ${relay.advertisedUrl}: another replica answers there`,
    );
  });

  test("to a replica that takes another token fail: its peers get nothing from it", async () => {
    await using good = await startRelay();
    await using bad = await startRelay({ token: "the-token-of-another-cluster" });
    for (const relay of [good, bad]) await beatAs(opened.database, relay);
    const links = await findingsOf("links", withNats());
    expect(links).toMatchObject([
      { status: "failed", advice: expect.stringContaining("PALAVER_CLUSTER_TOKEN") as string },
    ]);
    expect(links[0]?.detail).toContain(
      `${bad.id.slice(0, 8)} at ${bad.advertisedUrl}: it takes another token`,
    );
    expect(JSON.stringify(links)).not.toContain(await findClusterSecret(opened.database, "relay"));
  });

  test("go by the token that is set, and then none is made", async () => {
    const token = "the-token-of-the-cluster";
    await using relay = await startRelay({ token });
    await beatAs(opened.database, relay);
    const withToken = { ...withNats(), PALAVER_CLUSTER_TOKEN: token };
    expect(await findingsOf("links", withToken)).toMatchObject([{ status: "ok" }]);
    expect(await findingsOf("links", withNats())).toMatchObject([{ status: "failed" }]);
    expect(await findClusterSecret(opened.database, "relay")).toBeUndefined();
  });

  describe("with TLS", () => {
    let authority: Authority;
    let stranger: Authority;
    let ours: Certificate;
    beforeAll(async () => {
      [authority, stranger] = await Promise.all([createAuthority(), createAuthority()]);
      ours = await authority.issue();
    });
    afterAll(async () => {
      await Promise.all([authority[Symbol.asyncDispose](), stranger[Symbol.asyncDispose]()]);
    });

    const tlsOf = ({ certFile, keyFile }: Certificate, { caFile }: Authority): NodeJS.ProcessEnv => ({
      ...withNats(),
      PALAVER_RELAY_CERT: certFile,
      PALAVER_RELAY_KEY: keyFile,
      PALAVER_RELAY_CA: caFile,
    });

    test("show the certificate that replicas show each other", async () => {
      await using relay = await startRelay({ tls: { ...ours, ca: authority.ca } });
      await beatAs(opened.database, relay);
      expect(await findingsOf("links", tlsOf(ours, authority))).toMatchObject([{ status: "ok" }]);
    });

    test("fail where either end does not take the other's certificate, or its host is another", async () => {
      await using relay = await startRelay({ tls: { ...ours, ca: authority.ca } });
      await beatAs(opened.database, relay);
      const foreign = await stranger.issue();
      await using misnamed = await startRelay({
        tls: { ...(await authority.issue({ names: "DNS:elsewhere.example" })), ca: authority.ca },
      });
      for (const env of [tlsOf(foreign, authority), tlsOf(ours, stranger)]) {
        expect(await findingsOf("links", env)).toMatchObject([
          { status: "failed", advice: expect.stringContaining("PALAVER_RELAY_CA") as string },
        ]);
      }
      await beatAs(opened.database, misnamed);
      const links = await findingsOf("links", tlsOf(ours, authority));
      expect(links).toMatchObject([{ detail: expect.stringContaining("altnames") as string }]);
    });

    test("fail where one end has them and the other has not", async () => {
      await using encrypted = await startRelay({ tls: { ...ours, ca: authority.ca } });
      await beatAs(opened.database, encrypted);
      expect(await findingsOf("links", withNats())).toMatchObject([
        {
          status: "failed",
          detail: expect.stringContaining("use TLS") as string,
          advice: expect.stringContaining("PALAVER_RELAY_CERT") as string,
        },
      ]);
      await using plain = await startRelay();
      await beatAs(opened.database, plain);
      const links = await findingsOf("links", tlsOf(ours, authority));
      expect(links).toMatchObject([{ detail: expect.stringContaining("without TLS") as string }]);
    });

    test("say when a file cannot be read", async () => {
      await beatAs(opened.database);
      const env = { ...tlsOf(ours, authority), PALAVER_RELAY_KEY: "/nonexistent.pem" };
      const [link] = await findingsOf("links", env);
      expect(link).toMatchObject({
        status: "failed",
        detail: expect.stringContaining("/nonexistent.pem") as string,
        advice: expect.stringContaining("PALAVER_RELAY_KEY") as string,
      });
    });
  });

  test("between replicas that really run are in order", async () => {
    const env = { NATS_URL: nats.url, DATABASE_URL: opened.url ?? "" };
    await using _first = await startTestReplica({ env });
    await using _second = await startTestReplica({ env });
    const { findings, exitCode } = await examine(withNats());
    expect(findings.map(({ check, status }) => [check, status])).toEqual([
      ["replicas", "ok"],
      ["versions", "ok"],
      ["clocks", "ok"],
      ["links", "ok"],
      ["turns", "ok"],
    ]);
    expect(exitCode).toBe(0);
  });
});

describe("turns", () => {
  test("that nobody takes although there is room fail, counted by what became of their worker", async () => {
    const { database } = opened;
    const dead = await beatAs(database, { agoMs: 90_000 });
    await beatAs(database);
    const first = await addTurn(database, { workerId: dead, agoMs: 300_000 });
    await addTurn(database, { agoMs: 60_000 });
    await addTurn(database, { agoMs: 50_000 });
    await addTurn(database, { agoMs: 10_000 });
    const { findings, exitCode } = await examine();
    expect(exitCode).toBe(1);
    expect(findings.at(-1)).toEqual({
      check: "turns",
      status: "failed",
      detail: `3 waiting to be run: 2 that nobody took, 1 whose worker is dead; for example chat ${first}`,
      advice: expect.stringContaining("logs") as string,
    });
  });

  test("that wait for room are worth a note, and so are those that wait for a replica", async () => {
    const { database } = opened;
    await addTurn(database, { agoMs: 60_000 });
    expect(await findingsOf("turns")).toMatchObject([
      { status: "note", advice: expect.stringContaining("palaver serve") as string },
    ]);
    await beatAs(database, { capacity: 2, turns: 2 });
    await beatAs(database, { capacity: 0, turns: 0 });
    expect(await findingsOf("turns")).toMatchObject([
      { status: "note", advice: expect.stringContaining("PALAVER_CONCURRENT_TURNS") as string },
    ]);
  });

  test("that are taken between two looks are not stuck", async () => {
    const { database } = opened;
    await beatAs(database);
    const chatId = await addTurn(database, { agoMs: 60_000 });
    const clock = {
      ...systemClock,
      sleep: async () => {
        const text = "update chats set snapshot_version = snapshot_version + 1 where id = $1";
        await database.execute({ name: "test.advance_chat", text }, [chatId]);
      },
    };
    const run = await runPalaver(["doctor"], { env: { DATABASE_URL: opened.url }, clock });
    expect(run.stdout).toContain("✓ turns          none waits for a worker that does not come\n");
  });
});
