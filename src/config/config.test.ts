import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { PalaverError } from "../protocol/index.js";
import { loadClientConfig, loadConfig } from "./config.js";
import { describeConfig, describeDatabase } from "./describe-config.js";
import { renderConfigurationReference } from "./render-configuration.js";
import { clientSchema, serverSchema, variables } from "./variables.js";

const home = { HOME: "/home/ada" };

function problems(env: NodeJS.ProcessEnv): Record<string, string> {
  try {
    loadConfig({ ...home, ...env });
  } catch (error) {
    if (!PalaverError.is(error)) throw error;
    expect(error.reason).toBe("INVALID_CONFIGURATION");
    for (const { field, description } of error.fieldViolations)
      expect(error.message).toContain(`${field}: ${description}`);
    return Object.fromEntries(error.fieldViolations.map(({ field, description }) => [field, description]));
  }
  return {};
}

describe("defaults", () => {
  test("nothing needs to be set", () => {
    expect(loadConfig(home)).toMatchObject({
      listen: { host: "127.0.0.1", port: 7717 },
      auth: "none",
      dataDir: "/home/ada/.local/share/palaver",
      database: { kind: "pglite", folder: "/home/ada/.local/share/palaver/database" },
      models: { defaultModel: "scripted/default", firstTimeoutMs: 60_000, idleTimeoutMs: 600_000 },
      tools: { builtIn: ["current_time"], httpFetchAllowPrivate: false, timeoutMs: 120_000 },
      leaseMs: 15_000,
      heartbeatMs: 3_000,
      maxRequestBytes: 4 * 1024 * 1024,
      maxImportBytes: 64 * 1024 * 1024,
      logLevel: "info",
    });
  });

  test("an empty value is no value", () => {
    expect(loadConfig({ ...home, PALAVER_LEASE: "", DATABASE_URL: "" })).toEqual(loadConfig(home));
  });

  test("the data folder follows XDG_DATA_HOME unless that is relative", () => {
    expect(loadConfig({ ...home, XDG_DATA_HOME: "/data" }).dataDir).toBe("/data/palaver");
    expect(loadConfig({ ...home, XDG_DATA_HOME: "data" }).dataDir).toBe("/home/ada/.local/share/palaver");
  });
});

describe("values", () => {
  test("DATABASE_URL switches to Postgres", () => {
    const { database } = loadConfig({
      ...home,
      DATABASE_URL: "postgres://u:p@db/x",
      PALAVER_DATABASE_POOL_SIZE: "3",
    });
    if (database.kind !== "postgres") throw new Error("expected Postgres");
    expect(database.url.reveal()).toBe("postgres://u:p@db/x");
    expect(database.poolSize).toBe(3);
  });

  test("NATS_URL makes the replica one of several; who it is stands there or in one other place", () => {
    expect(loadConfig(home).bus).toEqual({ kind: "local" });
    const busOf = (env: NodeJS.ProcessEnv) => loadConfig({ ...home, NATS_URL: "nats://a:1", ...env }).bus;
    expect(busOf({})).toEqual({
      kind: "nats",
      servers: ["a:1"],
      credential: { kind: "none" },
      tls: undefined,
      stream: { replicas: 1, storage: "file" },
    });
    expect(busOf({ NATS_URL: "tls://a" })).toMatchObject({ tls: { caFile: undefined } });
    expect(busOf({ NATS_CREDS: "/x.creds", NATS_CA: "/ca.pem" })).toMatchObject({
      credential: { kind: "credentials", file: "/x.creds" },
      tls: { caFile: "/ca.pem", certFile: undefined },
    });
    expect(
      busOf({ PALAVER_NOTIFY_STREAM_REPLICAS: "3", PALAVER_NOTIFY_STREAM_STORAGE: "memory" }),
    ).toMatchObject({
      stream: { replicas: 3, storage: "memory" },
    });
  });

  test("PALAVER_MODEL_BASE_URL wins for the provider of the default model, and for no other", () => {
    const { models } = loadConfig({
      PALAVER_MODEL: "openai-compatible/llama",
      PALAVER_MODEL_BASE_URL: "http://127.0.0.1:9/v1/",
      OPENAI_BASE_URL: "http://openai",
      OPENAI_COMPATIBLE_BASE_URL: "http://compatible",
    });
    expect(models.openaiCompatible.baseUrl).toBe("http://127.0.0.1:9/v1");
    expect(models.openai.baseUrl).toBe("http://openai");
  });

  test("tools can be switched off", () => {
    expect(loadConfig({ ...home, PALAVER_TOOLS: "none" }).tools.builtIn).toEqual([]);
    expect(loadConfig({ ...home, PALAVER_TOOLS: "http_fetch, current_time" }).tools.builtIn).toEqual([
      "current_time",
      "http_fetch",
    ]);
  });

  test("commands read where the server is", () => {
    expect(loadClientConfig({})).toEqual({ url: "http://127.0.0.1:7717", token: undefined });
    expect(loadClientConfig({ PALAVER_URL: "https://a/", PALAVER_TOKEN: "t" }).token?.reveal()).toBe("t");
    expect(() => loadClientConfig({ PALAVER_URL: "localhost:7717" })).toThrow("PALAVER_URL: expected a URL");
  });
});

describe("what is wrong", () => {
  test("is told all at once", () => {
    const found = problems({
      PALAVER_LEASE: "15",
      PALAVER_TOOLS: "rm",
      PALAVER_MODEL: "gpt",
      PALAVER_POLL: "1ms",
      PALAVER_LISTN: "x",
    });
    expect(Object.keys(found).toSorted()).toEqual([
      "PALAVER_LEASE",
      "PALAVER_LISTN",
      "PALAVER_MODEL",
      "PALAVER_POLL",
      "PALAVER_TOOLS",
    ]);
    expect(found["PALAVER_LEASE"]).toBe(
      'expected a duration with its unit, for example 500ms, 15s or 10m, got "15"',
    );
    expect(found["PALAVER_POLL"]).toBe('expected between 50ms and 1h, got "1ms"');
  });

  test("credentials for NATS that do not go together", () => {
    const url = { NATS_URL: "nats://ada:hunter2@a" };
    expect(problems({ ...url, NATS_TOKEN: "s3cr3t" })).toEqual({
      NATS_TOKEN: "NATS wants one credential, and NATS_URL and NATS_TOKEN are set",
    });
    expect(problems({ NATS_URL: "nats://a", NATS_USER: "ada", NATS_CERT: "/c.pem" })).toEqual({
      NATS_USER: "needs NATS_PASSWORD",
      NATS_CERT: "needs NATS_KEY",
    });
    const wrong = problems({ NATS_URL: "http://ada:hunter2@a" });
    expect(wrong["NATS_URL"]).toMatch(
      /^expected one or more URLs such as nats:\/\/host:4222[^@]*@host:4222, separated by commas$/,
    );
  });

  test.each([
    ["PALAVER_LISTN", "did you mean PALAVER_LISTEN?"],
    ["PALAVER_PORT", "did you mean PALAVER_LISTEN?"],
    ["PALAVER_DATABASE_URL", "did you mean DATABASE_URL?"],
    ["PALAVER_OPENAI_API_KEY", "did you mean OPENAI_API_KEY?"],
    ["PALAVER_XYZZY", "docs/configuration.md describes them all"],
  ])("%s does not exist: %s", (name, advice) => {
    expect(problems({ [name]: "1" })).toEqual({ [name]: `there is no such variable; ${advice}` });
  });

  test("the variables of a Kubernetes Service named palaver are let pass", () => {
    const service = {
      PALAVER_SERVICE_HOST: "10.0.0.1",
      PALAVER_SERVICE_PORT: "80",
      PALAVER_PORT: "tcp://10.0.0.1:80",
    };
    expect(
      problems({
        ...service,
        PALAVER_SERVICE_PORT_HTTP: "80",
        PALAVER_PORT_80_TCP_ADDR: "10.0.0.1",
        PALAVER_WEB_PORT: "tcp://x",
      }),
    ).toEqual({});
  });

  test("no secret is repeated", () => {
    const found = problems({
      DATABASE_URL: "mysql://u:hunter2@db/x",
      ANTHROPIC_BASE_URL: "https://u:hunter2@host",
      PALAVER_POLL: "-",
    });
    expect(Object.keys(found)).toHaveLength(3);
    expect(JSON.stringify(found)).not.toContain("hunter2");
  });

  test.each([
    [{ PALAVER_HEARTBEAT: "6s" }, "PALAVER_HEARTBEAT"],
    [{ PALAVER_LISTEN: "0.0.0.0:1" }, "PALAVER_AUTH"],
    [{ PALAVER_HTTP_FETCH_ALLOW_PRIVATE: "true" }, "PALAVER_HTTP_FETCH_ALLOW_PRIVATE"],
  ])("%j contradicts the rest", (env, field) => {
    expect(Object.keys(problems(env))).toEqual([field]);
  });

  test("a public address is fine with tokens", () => {
    expect(problems({ PALAVER_LISTEN: "0.0.0.0:1", PALAVER_AUTH: "tokens" })).toEqual({});
  });
});

describe("secrets", () => {
  const config = loadConfig({
    ...home,
    DATABASE_URL: "postgres://ada:hunter2@db:5432/x",
    OPENAI_API_KEY: "hunter2",
  });

  test("appear in no text of the configuration", () => {
    for (const text of [
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
      JSON.stringify(describeConfig(config)),
    ]) {
      expect(text).not.toContain("hunter2");
    }
    expect(String(config.models.openai.apiKey)).toBe("[redacted]");
  });

  test("the database is named without its credentials", () => {
    expect(describeDatabase(config.database)).toBe("Postgres, db:5432/x");
  });
});

describe("documentation", () => {
  test("the listing and the reference name every variable", () => {
    expect(
      describeConfig(loadConfig(home))
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(Object.keys(serverSchema.shape).toSorted());
    const reference = renderConfigurationReference();
    for (const name of Object.keys(variables)) expect(reference).toContain(`| \`${name}\` |`);
    expect(Object.keys(variables)).toHaveLength(
      Object.keys({ ...serverSchema.shape, ...clientSchema.shape }).length,
    );
  });

  test("every example is valid", () => {
    for (const [name, field] of Object.entries({ ...serverSchema.shape, ...clientSchema.shape })) {
      expect(field.safeParse(variables[name]?.example).success, name).toBe(true);
    }
  });
});
