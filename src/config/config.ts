import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { FieldViolation } from "../protocol/index.js";
import { formatDuration } from "./duration.js";
import { isLoopbackHost, type ListenAddress } from "./listen-address.js";
import { type NatsConfig, natsConfig, natsContradictions } from "./nats-config.js";
import { type RelayConfig, relayConfig, relayContradictions } from "./relay-config.js";
import { invalidConfiguration, readEnvironment } from "./read-environment.js";
import type { Secret } from "./secret.js";
import { clientSchema, serverSchema } from "./variables.js";

/** Everything that can be set about one replica. Durations are in milliseconds. */
export interface Config {
  readonly listen: ListenAddress;
  /** Where metrics are served; undefined: nowhere. */
  readonly metricsListen: ListenAddress | undefined;
  /** `none`: development mode, on loopback only. */
  readonly auth: "none" | "tokens";
  readonly maxRequestBytes: number;
  readonly maxImportBytes: number;
  readonly keepaliveMs: number;
  readonly resumeGraceMs: number;
  /** In UTF-16 units of text and a little for each fragment: bytes, roughly. */
  readonly maxBacklog: number;
  /** Absolute. May not exist yet. */
  readonly dataDir: string;
  readonly database: DatabaseConfig;
  readonly bus: BusConfig;
  readonly relay: RelayConfig;
  readonly models: ModelsConfig;
  readonly tools: {
    readonly builtIn: readonly ("current_time" | "http_fetch")[];
    readonly httpFetchAllowPrivate: boolean;
    readonly timeoutMs: number;
  };
  readonly concurrentTurns: number;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly pollMs: number;
  readonly checkpointMs: number;
  /** In UTF-16 units of text and a little for each fragment: bytes, roughly. */
  readonly maxStepWeight: number;
  /** How long running steps may go on when the replica stops; at most half of `shutdownGraceMs`. */
  readonly drainGraceMs: number;
  readonly shutdownGraceMs: number;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
}

export type DatabaseConfig =
  | { readonly kind: "postgres"; readonly url: Secret; readonly poolSize: number }
  /** The embedded database; its folder is inside the data folder, absolute, and may not exist yet. */
  | { readonly kind: "pglite"; readonly folder: string };

export type BusConfig =
  /** One replica. */
  { readonly kind: "local" } | ({ readonly kind: "nats" } & NatsConfig);

export interface ModelsConfig {
  /** "provider/model". */
  readonly defaultModel: string;
  /** What `PALAVER_MODEL_BASE_URL` says. Where it concerns one of the providers below, it is that one's `baseUrl` already. */
  readonly baseUrl: string | undefined;
  readonly openai: ProviderConfig;
  readonly anthropic: ProviderConfig;
  readonly google: ProviderConfig;
  readonly openaiCompatible: ProviderConfig;
  /** A file or folder of scripts for the scripted models; absolute. */
  readonly scriptsFile: string | undefined;
  readonly firstTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export interface ProviderConfig {
  readonly apiKey: Secret | undefined;
  /** Undefined: the provider's own. */
  readonly baseUrl: string | undefined;
}

/** What the commands that talk to a server need. */
export interface ClientConfig {
  readonly url: string;
  readonly token: Secret | undefined;
}

/**
 * Reads the configuration of a replica from the environment.
 *
 * @throws PalaverError INVALID_CONFIGURATION that lists every variable that is wrong, and what it should be
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const { values, violations } = readEnvironment(serverSchema, env);
  if (values === undefined) throw invalidConfiguration(violations);
  const dataDir = resolve(values.PALAVER_DATA_DIR ?? join(dataHome(env), "palaver"));
  const modelBaseUrl = values.PALAVER_MODEL_BASE_URL;
  const provider = (
    name: string,
    apiKey: Secret | undefined,
    ownBaseUrl: string | undefined,
  ): ProviderConfig => ({
    apiKey,
    baseUrl: values.PALAVER_MODEL.startsWith(`${name}/`) ? (modelBaseUrl ?? ownBaseUrl) : ownBaseUrl,
  });
  const config: Config = {
    listen: values.PALAVER_LISTEN,
    metricsListen: values.PALAVER_METRICS_LISTEN,
    auth: values.PALAVER_AUTH,
    maxRequestBytes: values.PALAVER_MAX_REQUEST_BYTES,
    maxImportBytes: values.PALAVER_MAX_IMPORT_BYTES,
    keepaliveMs: values.PALAVER_KEEPALIVE,
    resumeGraceMs: values.PALAVER_RESUME_GRACE,
    maxBacklog: values.PALAVER_SUBSCRIBER_BACKLOG_BYTES,
    dataDir,
    database:
      values.DATABASE_URL === undefined
        ? { kind: "pglite", folder: join(dataDir, "database") }
        : { kind: "postgres", url: values.DATABASE_URL, poolSize: values.PALAVER_DATABASE_POOL_SIZE },
    bus:
      values.NATS_URL === undefined
        ? { kind: "local" }
        : { kind: "nats", ...natsConfig(values.NATS_URL, values) },
    relay: relayConfig(values),
    models: {
      defaultModel: values.PALAVER_MODEL,
      baseUrl: modelBaseUrl,
      openai: provider("openai", values.OPENAI_API_KEY, values.OPENAI_BASE_URL),
      anthropic: provider("anthropic", values.ANTHROPIC_API_KEY, values.ANTHROPIC_BASE_URL),
      google: provider("google", values.GOOGLE_GENERATIVE_AI_API_KEY, values.GOOGLE_BASE_URL),
      openaiCompatible: provider(
        "openai-compatible",
        values.OPENAI_COMPATIBLE_API_KEY,
        values.OPENAI_COMPATIBLE_BASE_URL,
      ),
      scriptsFile: values.PALAVER_SCRIPTS === undefined ? undefined : resolve(values.PALAVER_SCRIPTS),
      firstTimeoutMs: values.PALAVER_MODEL_FIRST_TIMEOUT,
      idleTimeoutMs: values.PALAVER_MODEL_IDLE_TIMEOUT,
    },
    tools: {
      builtIn: values.PALAVER_TOOLS,
      httpFetchAllowPrivate: values.PALAVER_HTTP_FETCH_ALLOW_PRIVATE,
      timeoutMs: values.PALAVER_TOOL_TIMEOUT,
    },
    concurrentTurns: values.PALAVER_CONCURRENT_TURNS,
    leaseMs: values.PALAVER_LEASE,
    heartbeatMs: values.PALAVER_HEARTBEAT,
    pollMs: values.PALAVER_POLL,
    maxStepWeight: values.PALAVER_MAX_STEP_BYTES,
    checkpointMs: values.PALAVER_CHECKPOINT_INTERVAL,
    drainGraceMs: Math.min(values.PALAVER_DRAIN_GRACE, Math.floor(values.PALAVER_SHUTDOWN_GRACE / 2)),
    shutdownGraceMs: values.PALAVER_SHUTDOWN_GRACE,
    logLevel: values.PALAVER_LOG_LEVEL,
  };
  violations.push(
    ...contradictions(config),
    ...natsContradictions(values),
    ...relayContradictions(config, values),
  );
  if (violations.length > 0) throw invalidConfiguration(violations);
  return config;
}

/** Reads what the client commands need. @throws PalaverError INVALID_CONFIGURATION, as {@link loadConfig} */
export function loadClientConfig(env: NodeJS.ProcessEnv = process.env): ClientConfig {
  const { values, violations } = readEnvironment(clientSchema, env);
  if (values === undefined || violations.length > 0) throw invalidConfiguration(violations);
  return { url: values.PALAVER_URL, token: values.PALAVER_TOKEN };
}

function dataHome(env: NodeJS.ProcessEnv): string {
  const given = env["XDG_DATA_HOME"];
  // The XDG specification asks to ignore relative paths.
  return given?.startsWith("/") === true ? given : join(env["HOME"] ?? homedir(), ".local", "share");
}

/** Values that are valid by themselves and not together. */
function contradictions(config: Config): FieldViolation[] {
  const found: FieldViolation[] = [];
  if (config.heartbeatMs * 3 > config.leaseMs) {
    const lease = formatDuration(config.leaseMs);
    const description = `expected at most a third of PALAVER_LEASE (${lease}), got ${formatDuration(config.heartbeatMs)}; two lost beats must not cost the lease`;
    found.push({ field: "PALAVER_HEARTBEAT", description });
  }
  if (config.auth === "none" && !isLoopbackHost(config.listen.host)) {
    const description = `none is allowed on loopback addresses only, and PALAVER_LISTEN is ${config.listen.host}; set PALAVER_AUTH=tokens`;
    found.push({ field: "PALAVER_AUTH", description });
  }
  if (config.tools.httpFetchAllowPrivate && !config.tools.builtIn.includes("http_fetch")) {
    const description =
      "has no effect while PALAVER_TOOLS does not name http_fetch; add it there or unset this";
    found.push({ field: "PALAVER_HTTP_FETCH_ALLOW_PRIVATE", description });
  }
  return found;
}
