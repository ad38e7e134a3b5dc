import { setMaxListeners } from "node:events";
import { type Bus, connectNatsBus, LocalBus, PolledBus } from "./bus/index.js";
import { Chats, notificationOf, RecentCommits } from "./chat/index.js";
import type { Config } from "./config/index.js";
import { ChatService } from "./gen/palaver/chat/v1/chat_service_pb.js";
import { FileService } from "./gen/palaver/chat/v1/file_service_pb.js";
import { ImportService } from "./gen/palaver/chat/v1/import_service_pb.js";
import { RelayService } from "./gen/palaver/relay/v1/relay_service_pb.js";
import { createModelRegistry, type ModelRegistry, type ModelsConfig } from "./models/index.js";
import {
  type Clock,
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  type Random,
  type ReadableMetrics,
  systemClock,
  systemRandom,
} from "./platform/index.js";
import { PalaverError } from "./protocol/index.js";
import { createRelayService, Peers, RelayedEpisodes, RelayMetrics, type RelayOwner } from "./relay/index.js";
import {
  createChatService,
  createFileService,
  createImportService,
  createTokenVerifier,
  readRelayTls,
  startMetricsServer,
  startRpcServer,
} from "./server/index.js";
import {
  type ChatOwnerRecord,
  type Database,
  databaseFiles,
  listReplicas,
  migrate,
  openPglite,
  openPostgres,
  readChatHeads,
  readClusterSecret,
  readHistory,
  readOwner,
  refreshStatistics,
  removeOtherReplicas,
  removeOutdated,
  removeReplica,
  writeHeartbeat,
} from "./store/index.js";
import { DeltaLog, type EpisodeSource } from "./stream/index.js";
import { builtInTools, createToolRegistry, type Tool } from "./tools/index.js";
import { version } from "./version.js";
import { Worker } from "./worker/index.js";

/** The files of one prompt have at most this many bytes together; the newest go first. */
const maxPromptFileBytes = 32 * 1024 * 1024;

/** A file of 10 MiB as JSON, which writes bytes in base64, with what is around it. */
const maxFileRequestBytes = 16 * 1024 * 1024;

/** How long the database may take for a last word after the grace of a stop. */
const goodbyeMs = 1_000;

/** A running replica. */
export interface Replica {
  /** Made anew at each start. */
  readonly id: string;
  /** Where it listens. */
  readonly url: string;
  /** Where its metrics are; undefined when they are not served. */
  readonly metricsUrl: string | undefined;
  /**
   * Stops gracefully: takes nothing new, ends streams with SHUTTING_DOWN, lets running steps end for a while, and hands turns over.
   * Resolves when everything is released. May be called again.
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

export interface ReplicaDeps {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Where this replica counts, and no other: for programs that embed it. */
  readonly metrics?: ReadableMetrics;
  /** Tools beside the built-in ones, for programs that embed a replica. */
  readonly tools?: readonly Tool[];
}

/**
 * The composition root: builds one replica out of the rooms, and starts it. When something fails on the way, what was
 * started is stopped again.
 *
 * @throws PalaverError, StoreError, BusError or StartError with a reason, when it cannot start as it is configured
 */
export async function startReplica(config: Config, deps: ReplicaDeps = {}): Promise<Replica> {
  const { clock = systemClock, random = systemRandom, logger = createLogger(config.logLevel) } = deps;
  const { metrics = createMetrics() } = deps;
  const tools = [...builtInTools({ names: config.tools.builtIn, ...config.tools }), ...(deps.tools ?? [])];
  const started = new Started();
  try {
    const id = random.uuid();
    const log = logger.child({ replica_id: id });
    const models = openModels(config, clock);
    // Before all else, so that it tells of the whole life of the replica, its end included.
    const metricsServer =
      config.metricsListen === undefined
        ? undefined
        : await startMetricsServer({ ...config.metricsListen, metrics, clock, logger: log });
    started.add(async () => metricsServer?.close());
    metrics.gauge(
      "palaver_build_info",
      "1, with what runs here.",
      () => [{ labels: { version }, value: 1 }],
      ["version"],
    );
    const database = await openDatabase(config, log);
    started.add(() => database.close());
    await migrate(database, { onApplied: (name) => log.info({ migration: name }, "migration applied") });
    // Only one process can have the embedded database open: whoever was here before is dead.
    if (database.kind === "pglite") await removeOtherReplicas(database, id);

    const bus = new PolledBus({
      bus: await openBus(config, { clock, random, logger: log, metrics }),
      readHeads: async (chatIds) => (await readChatHeads(database, chatIds)).map(notificationOf),
      pollMs: config.pollMs,
      clock,
      random,
      logger: log,
    });
    started.add(async () => bus[Symbol.asyncDispose]());
    const recent = new RecentCommits({ clock });
    // Once it has begun.
    const taker: { worker?: Worker } = {};
    const chats = new Chats({
      database,
      leaseMs: config.leaseMs,
      publish: (notification, owner) => bus.publish(notification, owner),
      reserve: (chatId) => taker.worker?.reserve(chatId),
      recent,
      onUnreadable: (chatId, error) =>
        log.error(
          { err: error, chat_id: chatId },
          "a chat cannot be run: what is stored of it cannot be read",
        ),
    });
    const files = databaseFiles(database);
    const deltaLog = new DeltaLog({ clock, graceMs: config.resumeGraceMs });
    started.add(() => {
      deltaLog[Symbol.dispose]();
      return Promise.resolve();
    });
    const relay = await startRelay(config, {
      id,
      database,
      bus,
      deltaLog,
      clock,
      random,
      logger: log,
      metrics,
      started,
    });
    const shutdown = new AbortController();
    // Every subscription listens.
    setMaxListeners(0, shutdown.signal);
    const server = await startRpcServer({
      ...config.listen,
      access:
        config.auth === "tokens"
          ? { kind: "tokens", verifier: createTokenVerifier({ database, clock }) }
          : { kind: "development" },
      services: (router) => {
        const { keepaliveMs, pollMs, maxBacklog } = config;
        const service = {
          database,
          chats,
          recent,
          bus,
          deltaLog: relay.episodes,
          models,
          clock,
          random,
          logger: log,
          pollMs,
          keepaliveMs,
          maxBacklog,
        };
        router.service(ChatService, createChatService({ ...service, shutdown: shutdown.signal }));
        router.service(ImportService, createImportService(service));
        router.service(FileService, createFileService({ files, random }));
      },
      limits: {
        maxMessageBytes: config.maxRequestBytes,
        maxMessageBytesOf: {
          [ImportService.typeName]: config.maxImportBytes,
          [FileService.typeName]: Math.max(config.maxRequestBytes, maxFileRequestBytes),
        },
      },
      clock,
      random,
      logger: log,
      metrics,
    });
    let leftMs = (): number => 0;
    started.add(() => server.close({ graceMs: leftMs() }));

    const replica = {
      id,
      advertisedUrl: relay.url,
      version,
      capacity: config.concurrentTurns,
    };
    started.add(() => removeReplica(database, id));
    const worker = new Worker({
      workerId: id,
      chats,
      bus,
      turn: {
        readHistory: (chatId) => readHistory(database, chatId),
        readFiles: (chatId, ids) => files.forChat(chatId, ids, maxPromptFileBytes),
        models,
        tools: createToolRegistry(tools),
        deltaLog,
        silence: { firstEventMs: config.models.firstTimeoutMs, idleMs: config.models.idleTimeoutMs },
        toolTimeoutMs: config.tools.timeoutMs,
        maxStepWeight: config.maxStepWeight,
      },
      clock,
      logger: log,
      metrics,
      beat: ({ turns }) => writeHeartbeat(database, { ...replica, turns, clockAt: clock.now() }),
      readReplicas: () => listReplicas(database),
      tidy: async () => {
        await removeOutdated(database);
        await refreshStatistics(database);
      },
      leaseMs: config.leaseMs,
      heartbeatMs: config.heartbeatMs,
      pollMs: config.pollMs,
      checkpointMs: config.checkpointMs,
      capacity: config.concurrentTurns,
    });
    started.add(async () => {
      server.setDraining();
      shutdown.abort();
      await worker.stop({ drainMs: config.drainGraceMs, graceMs: leftMs() });
    });
    await worker.start();
    taker.worker = worker;
    log.info(
      {
        url: server.url,
        relay: relay.url === "" ? undefined : relay.url,
        metrics: metricsServer?.url,
        database: database.kind,
        bus: config.bus.kind,
        model: models.defaultModelId,
        auth: config.auth,
      },
      "the replica is ready",
    );
    return {
      id,
      url: server.url,
      metricsUrl: metricsServer?.url,
      stop: async (options = {}) => {
        const deadlineMs = clock.monotonicMs() + (options.graceMs ?? config.shutdownGraceMs);
        leftMs = () => Math.max(0, deadlineMs - clock.monotonicMs());
        // A database that does not answer would keep each of those that wait for it for as long as one statement may take.
        using _patience = clock.timer(leftMs() + goodbyeMs, () => database.abandon());
        await started.stopAll(log);
      },
    };
  } catch (error) {
    await started.stopAll(logger);
    throw error;
  }
}

/**
 * Several replicas show each other what their steps generate; one by itself shows only its own. `url`: where the others reach this one,
 * empty when they do not.
 */
async function startRelay(
  config: Config,
  deps: {
    id: string;
    database: Database;
    bus: Bus;
    deltaLog: DeltaLog;
    clock: Clock;
    random: Random;
    logger: Logger;
    metrics: Metrics;
    started: Started;
  },
): Promise<{ episodes: EpisodeSource; url: string }> {
  const { id, database, bus, deltaLog, clock, random, logger, started } = deps;
  if (config.bus.kind === "local" || database.kind === "pglite") return { episodes: deltaLog, url: "" };
  const token = config.relay.token?.reveal() ?? (await readClusterSecret(database, "relay", random));
  const tls = config.relay.tls === undefined ? undefined : await readRelayTls(config.relay.tls);
  const metrics = new RelayMetrics(deps.metrics);
  const server = await startRpcServer({
    ...config.relay.listen,
    access: { kind: "peers", token },
    tls,
    services: (router) =>
      void router.service(RelayService, createRelayService({ replicaId: id, episodes: deltaLog, metrics })),
    clock,
    random,
    logger,
  });
  started.add(() => server.close({ graceMs: 0 }));
  const peers = new Peers({ token, tls }, { clock, logger });
  const episodes = new RelayedEpisodes({
    replicaId: id,
    own: deltaLog,
    bus,
    readOwner: async (chatId) => relayOwner(await readOwner(database, chatId, config.leaseMs), id),
    peers,
    metrics,
    graceMs: config.resumeGraceMs,
    clock,
    random,
    logger,
  });
  started.add(() => {
    episodes[Symbol.dispose]();
    peers[Symbol.dispose]();
    return Promise.resolve();
  });
  return { episodes, url: config.relay.advertiseUrl ?? server.url };
}

/** Whether its heartbeat is late does not matter: as long as nobody else has the chat, its worker is the one to ask. */
function relayOwner(owner: ChatOwnerRecord | undefined, replicaId: string): RelayOwner {
  if (owner === undefined || (owner.status !== "running" && owner.status !== "interrupting"))
    return { type: "nobody" };
  const { workerId, advertisedUrl } = owner;
  if (workerId === replicaId) return { type: "here" };
  if (workerId === undefined || advertisedUrl === undefined) return { type: "nobody" };
  return { type: "there", target: { workerId, url: advertisedUrl } };
}

/** What was started, to be stopped in reverse order, once. */
class Started {
  readonly #stops: (() => Promise<void>)[] = [];
  #stopped: Promise<void> | undefined;

  add(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  stopAll(logger: Logger): Promise<void> {
    this.#stopped ??= this.#stopEach(logger);
    return this.#stopped;
  }

  /** One that fails does not keep the others from being stopped. */
  async #stopEach(logger: Logger): Promise<void> {
    for (const stop of this.#stops.reverse()) {
      try {
        await stop();
      } catch (error) {
        logger.warn({ err: error }, "something did not stop cleanly");
      }
    }
  }
}

async function openDatabase({ database }: Config, logger: Logger): Promise<Database> {
  if (database.kind === "pglite") return openPglite({ dataDir: database.folder });
  return openPostgres({
    url: database.url.reveal(),
    poolSize: database.poolSize,
    onConnectionLost: (error) => logger.warn({ err: error }, "a database connection was lost"),
  });
}

async function openBus(
  { bus, database }: Config,
  deps: { clock: Clock; random: Random; logger: Logger; metrics: Metrics },
): Promise<Bus> {
  if (bus.kind === "local") return new LocalBus();
  if (database.kind === "pglite")
    deps.logger.warn(
      "NATS_URL is for several replicas, and the embedded database serves one: set DATABASE_URL",
    );
  return connectNatsBus({ ...bus, ...deps });
}

/**
 * The models that a configuration gives.
 *
 * @throws PalaverError UNKNOWN_MODEL when the default one cannot be had: better now than in the first chat
 */
export function openModels({ models }: Config, clock: Clock): ModelRegistry {
  const { defaultModel, openai, anthropic, google, openaiCompatible, scriptsFile } = models;
  const keyed = ({ apiKey, baseUrl }: Config["models"]["openai"]): ModelsConfig["openai"] =>
    apiKey === undefined ? undefined : { apiKey: apiKey.reveal(), baseUrl };
  const { baseUrl, apiKey } = openaiCompatible;
  const registry = createModelRegistry(
    {
      defaultModelId: defaultModel,
      openai: keyed(openai),
      anthropic: keyed(anthropic),
      google: keyed(google),
      openaiCompatible: baseUrl === undefined ? undefined : { baseUrl, apiKey: apiKey?.reveal() },
      scripts: scriptsFile,
    },
    { clock },
  );
  if (registry.resolve(defaultModel) === undefined) {
    const available = registry.available().join(", ");
    const what = `The default model "${defaultModel}" cannot be used. ${registry.whyNot(defaultModel)} Available: ${available}.`;
    throw new PalaverError(
      "invalid_argument",
      "UNKNOWN_MODEL",
      `${what} Set PALAVER_MODEL, or the provider's key.`,
    );
  }
  return registry;
}
