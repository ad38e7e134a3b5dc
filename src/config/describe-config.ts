import type { Config, DatabaseConfig } from "./config.js";
import { formatDuration } from "./duration.js";
import { formatListenAddress } from "./listen-address.js";
import type { Secret } from "./secret.js";

/** One line of the effective configuration, without secrets. */
export interface ConfigLine {
  /** The variable that sets it. */
  readonly name: string;
  readonly value: string;
}

/** The effective configuration for people: every variable with its value, secrets as "(set)". */
export function describeConfig(config: Config): ConfigLine[] {
  const { models, tools, relay } = config;
  const nats = config.bus.kind === "nats" ? config.bus : undefined;
  const credential = nats?.credential;
  const values: Record<string, string | undefined> = {
    PALAVER_LISTEN: formatListenAddress(config.listen),
    PALAVER_METRICS_LISTEN: config.metricsListen && formatListenAddress(config.metricsListen),
    PALAVER_AUTH: config.auth,
    PALAVER_MAX_REQUEST_BYTES: String(config.maxRequestBytes),
    PALAVER_MAX_IMPORT_BYTES: String(config.maxImportBytes),
    PALAVER_KEEPALIVE: formatDuration(config.keepaliveMs),
    PALAVER_RESUME_GRACE: formatDuration(config.resumeGraceMs),
    PALAVER_SUBSCRIBER_BACKLOG_BYTES: String(config.maxBacklog),
    DATABASE_URL: config.database.kind === "postgres" ? describeDatabase(config.database) : undefined,
    PALAVER_DATABASE_POOL_SIZE:
      config.database.kind === "postgres" ? String(config.database.poolSize) : undefined,
    PALAVER_DATA_DIR: config.dataDir,
    NATS_URL: nats?.servers.join(", "),
    NATS_USER: credential?.kind === "password" ? credential.user : undefined,
    NATS_PASSWORD: credential?.kind === "password" ? whetherSet(credential.password) : undefined,
    NATS_TOKEN: credential?.kind === "token" ? whetherSet(credential.token) : undefined,
    NATS_NKEY: credential?.kind === "nkey" ? credential.file : undefined,
    NATS_CREDS: credential?.kind === "credentials" ? credential.file : undefined,
    NATS_CA: nats?.tls?.caFile,
    NATS_CERT: nats?.tls?.certFile,
    NATS_KEY: nats?.tls?.keyFile,
    PALAVER_NOTIFY_STREAM_REPLICAS: nats && String(nats.stream.replicas),
    PALAVER_NOTIFY_STREAM_STORAGE: nats?.stream.storage,
    PALAVER_RELAY_LISTEN: formatListenAddress(relay.listen),
    PALAVER_ADVERTISE_URL: relay.advertiseUrl ?? "(the URL it listens on)",
    PALAVER_CLUSTER_TOKEN: whetherSet(relay.token) ?? "(one that the replicas share through the database)",
    PALAVER_RELAY_CERT: relay.tls?.certFile,
    PALAVER_RELAY_KEY: relay.tls?.keyFile,
    PALAVER_RELAY_CA: relay.tls?.caFile,
    PALAVER_MODEL: models.defaultModel,
    PALAVER_MODEL_BASE_URL: models.baseUrl,
    OPENAI_API_KEY: whetherSet(models.openai.apiKey),
    OPENAI_BASE_URL: models.openai.baseUrl,
    ANTHROPIC_API_KEY: whetherSet(models.anthropic.apiKey),
    ANTHROPIC_BASE_URL: models.anthropic.baseUrl,
    GOOGLE_GENERATIVE_AI_API_KEY: whetherSet(models.google.apiKey),
    GOOGLE_BASE_URL: models.google.baseUrl,
    OPENAI_COMPATIBLE_API_KEY: whetherSet(models.openaiCompatible.apiKey),
    OPENAI_COMPATIBLE_BASE_URL: models.openaiCompatible.baseUrl,
    PALAVER_SCRIPTS: models.scriptsFile,
    PALAVER_MODEL_FIRST_TIMEOUT: formatDuration(models.firstTimeoutMs),
    PALAVER_MODEL_IDLE_TIMEOUT: formatDuration(models.idleTimeoutMs),
    PALAVER_TOOLS: tools.builtIn.length === 0 ? "none" : tools.builtIn.join(","),
    PALAVER_HTTP_FETCH_ALLOW_PRIVATE: String(tools.httpFetchAllowPrivate),
    PALAVER_TOOL_TIMEOUT: formatDuration(tools.timeoutMs),
    PALAVER_CONCURRENT_TURNS: String(config.concurrentTurns),
    PALAVER_LEASE: formatDuration(config.leaseMs),
    PALAVER_HEARTBEAT: formatDuration(config.heartbeatMs),
    PALAVER_POLL: formatDuration(config.pollMs),
    PALAVER_MAX_STEP_BYTES: String(config.maxStepWeight),
    PALAVER_CHECKPOINT_INTERVAL: formatDuration(config.checkpointMs),
    PALAVER_DRAIN_GRACE: formatDuration(config.drainGraceMs),
    PALAVER_SHUTDOWN_GRACE: formatDuration(config.shutdownGraceMs),
    PALAVER_LOG_LEVEL: config.logLevel,
  };
  return Object.entries(values).map(([name, value]) => ({ name, value: value ?? "(not set)" }));
}

/** The database for people: the embedded one's folder, or the Postgres host, port and database, never user or password. */
export function describeDatabase(database: DatabaseConfig): string {
  if (database.kind === "pglite") return `embedded (PGlite), ${database.folder}`;
  const url = new URL(database.url.reveal());
  const host = url.host === "" ? (url.searchParams.get("host") ?? "local socket") : url.host;
  return `Postgres, ${decodeURIComponent(host)}${url.pathname}`;
}

function whetherSet(secret: Secret | undefined): string | undefined {
  return secret === undefined ? undefined : "(set)";
}
