import { resolve } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { PalaverError } from "../protocol/index.js";
import { loadConfig } from "./config.js";
import { describeConfig } from "./describe-config.js";

const home = { HOME: "/home/ada" };
const nats = { NATS_URL: "nats://a:1", DATABASE_URL: "postgres://db/x" };
const files = {
  PALAVER_RELAY_CERT: "/tls/cert.pem",
  PALAVER_RELAY_KEY: "/tls/key.pem",
  PALAVER_RELAY_CA: "/tls/ca.pem",
};

/** `variable: what is wrong` of each. */
function problems(env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig({ ...home, ...env });
    return [];
  } catch (error) {
    if (!PalaverError.is(error)) throw error;
    return error.fieldViolations.map(({ field, description }) => `${field}: ${description}`);
  }
}

/** What is shown of the configuration, for the variables of this section. */
function shown(env: NodeJS.ProcessEnv): Record<string, string> {
  const lines = describeConfig(loadConfig({ ...home, ...env }));
  const ours = lines.filter(({ name }) => /^PALAVER_(?:RELAY_|ADVERTISE_|CLUSTER_)/.test(name));
  return Object.fromEntries(ours.map(({ name, value }) => [name, value]));
}

describe("values", () => {
  test("without any, replicas on one machine find each other", () => {
    const config = loadConfig({ ...home, ...nats });
    expect(config.relay).toEqual({
      listen: { host: "127.0.0.1", port: 0 },
      advertiseUrl: undefined,
      token: undefined,
      tls: undefined,
    });
    expect(shown(nats)).toEqual({
      PALAVER_RELAY_LISTEN: "127.0.0.1:0",
      PALAVER_ADVERTISE_URL: "(the URL it listens on)",
      PALAVER_CLUSTER_TOKEN: "(one that the replicas share through the database)",
      PALAVER_RELAY_CERT: "(not set)",
      PALAVER_RELAY_KEY: "(not set)",
      PALAVER_RELAY_CA: "(not set)",
    });
  });

  test("all of them are read and shown, but for the token", () => {
    const env = {
      ...nats,
      ...files,
      PALAVER_RELAY_LISTEN: "[::]:7718",
      PALAVER_ADVERTISE_URL: "https://a.internal:7718/",
      PALAVER_CLUSTER_TOKEN: "hunter2-hunter2-hunter2",
    };
    const config = loadConfig({ ...home, ...env });
    expect(config.relay).toMatchObject({
      listen: { host: "::", port: 7718 },
      advertiseUrl: "https://a.internal:7718",
      tls: { certFile: "/tls/cert.pem", keyFile: "/tls/key.pem", caFile: "/tls/ca.pem" },
    });
    expect(config.relay.token?.reveal()).toBe("hunter2-hunter2-hunter2");
    expect(shown(env)).toEqual({
      ...files,
      PALAVER_RELAY_LISTEN: "[::]:7718",
      PALAVER_ADVERTISE_URL: "https://a.internal:7718",
      PALAVER_CLUSTER_TOKEN: "(set)",
    });
    const texts = [JSON.stringify(config), inspect(config, { depth: 9, showHidden: true })];
    for (const text of texts) expect(text).not.toContain("hunter2");
  });

  test("files are meant from where the server is started", () => {
    const { relay } = loadConfig({ ...home, ...files, PALAVER_RELAY_KEY: "key.pem" });
    expect(relay.tls).toMatchObject({ certFile: "/tls/cert.pem", keyFile: resolve("key.pem") });
  });
});

describe("what does not go together", () => {
  test.each([
    [["PALAVER_RELAY_CERT"], ["PALAVER_RELAY_KEY", "PALAVER_RELAY_CA"]],
    [["PALAVER_RELAY_KEY"], ["PALAVER_RELAY_CERT", "PALAVER_RELAY_CA"]],
    [["PALAVER_RELAY_CA"], ["PALAVER_RELAY_CERT", "PALAVER_RELAY_KEY"]],
    [["PALAVER_RELAY_CERT", "PALAVER_RELAY_KEY"], ["PALAVER_RELAY_CA"]],
  ] as const)("%j need %j", (given, missing) => {
    const env = Object.fromEntries(given.map((name) => [name, files[name]]));
    expect(problems(env)).toEqual(missing.map((name) => `${given[0]}: needs ${name}`));
    // They mean TLS all the same.
    expect(problems({ ...env, PALAVER_ADVERTISE_URL: "https://a" })).toHaveLength(missing.length);
  });

  test.each(["0.0.0.0:7718", "[::]:7718"])(
    "%s is no address to call, so another has to be told",
    (listen) => {
      const env = { ...nats, PALAVER_RELAY_LISTEN: listen };
      expect(problems(env)).toEqual([
        `PALAVER_ADVERTISE_URL: is needed, because PALAVER_RELAY_LISTEN is ${listen}, which is no address to call`,
      ]);
      expect(problems({ ...env, PALAVER_ADVERTISE_URL: "http://10.0.0.5:7718" })).toEqual([]);
      // One replica alone is called by nobody.
      expect(problems({ PALAVER_RELAY_LISTEN: listen })).toEqual([]);
    },
  );

  test.each(["0.0.0.0", "[::]"])("http://%s cannot be advertised", (host) => {
    expect(problems({ PALAVER_ADVERTISE_URL: `http://${host}:7718` })).toEqual([
      `PALAVER_ADVERTISE_URL: expected an address that the other replicas can call, and ${host} is none`,
    ]);
  });

  test.each(["http://a:7718/?x=1", "http://a:7718/#x"])("%s has more than an address", (url) => {
    expect(problems({ PALAVER_ADVERTISE_URL: url })).toEqual([
      "PALAVER_ADVERTISE_URL: expected no query and no fragment: the paths of calls are added to it",
    ]);
  });

  test("what is advertised says whether there is TLS", () => {
    expect(problems({ PALAVER_ADVERTISE_URL: "https://a:7718" })).toEqual([
      "PALAVER_ADVERTISE_URL: expected http://, because no PALAVER_RELAY_CERT is set",
    ]);
    expect(problems({ ...files, PALAVER_ADVERTISE_URL: "http://a:7718" })).toEqual([
      "PALAVER_ADVERTISE_URL: expected https://, because PALAVER_RELAY_CERT is set",
    ]);
    expect(problems({ ...files, PALAVER_ADVERTISE_URL: "https://a:7718" })).toEqual([]);
  });

  test("who gets through to a replica holds no credential in its URL", () => {
    const found = problems({ PALAVER_ADVERTISE_URL: "http://ada:hunter2@a:7718" });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^PALAVER_ADVERTISE_URL: expected a URL/);
    expect(found[0]).not.toContain("hunter2");
  });
});

describe("the token", () => {
  const expected = "PALAVER_CLUSTER_TOKEN: expected 16 or more visible ASCII characters, without spaces";

  test.each([
    "hunter2",
    "x".repeat(15),
    "hunter2 hunter2 hunter2",
    "hünter2-hunter2-hunter2",
    "hunter2-hunter2\n7",
  ])("%j can be none, and is not repeated", (token) => {
    expect(problems({ PALAVER_CLUSTER_TOKEN: token })).toEqual([expected]);
  });

  test("may be of any such characters", () => {
    for (const token of ["x".repeat(16), "5f1d/+=_-~!\"#$%&'()*,.:;<>?@[]^`{|}"])
      expect(problems({ PALAVER_CLUSTER_TOKEN: token })).toEqual([]);
  });
});
