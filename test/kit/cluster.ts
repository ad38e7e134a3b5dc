import { tmpdir } from "node:os";
import { createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { type ClusterReplica, startCluster } from "../../conformance/surroundings/cluster.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { type Database, openPostgres } from "../../src/store/index.js";
import { root } from "./compiled-sources.js";
import { type NatsServer, startNats } from "./nats-server.js";
import { serveCommand } from "./palaver-process.js";
import { createTestDatabase } from "./postgres.js";
import { type ProviderServer, startProviderServer } from "./provider-server/index.js";
import { type ChatClient, providerEnv } from "./replica.js";
import { until } from "./until.js";
import { Watch } from "./watch.js";

/** A replica in a process of its own. Its client finds it again after a restart. */
export interface TestClusterReplica extends ClusterReplica {
  readonly client: ChatClient;
  /** For clients of other services. */
  readonly transport: Transport;
  /** Ends with the cluster at the latest. */
  watch(chatId: string): Watch;
}

/** A service of several processes on Postgres and NATS, with a gate on each link. */
export interface TestCluster extends AsyncDisposable {
  readonly replicas: readonly TestClusterReplica[];
  /** Counts from 0. */
  replica(index: number): TestClusterReplica;
  readonly providers: ProviderServer;
  readonly nats: NatsServer;
  /** The database of the service, by a way that no gate is on. */
  readonly database: Database;
  /** Which replica runs the chat's turn, as the database has it. */
  ownerOf(chatId: string): Promise<TestClusterReplica | undefined>;
  /** Likewise, as soon as one of `among` does. */
  ownedBy(chatId: string, among?: readonly TestClusterReplica[]): Promise<TestClusterReplica>;
  others(replica: TestClusterReplica): TestClusterReplica[];
}

export interface TestClusterOptions {
  /** Default 3. */
  readonly replicas?: number;
  /** Default: one of its own. */
  readonly providers?: ProviderServer;
  /** Default: an empty database on the server that all tests share. */
  readonly databaseUrl?: string;
  readonly env?: Readonly<Record<string, string>> | ((index: number) => Readonly<Record<string, string>>);
}

/** Times that let a test see the end of a lease. */
const shortTimes = {
  PALAVER_LEASE: "3s",
  PALAVER_HEARTBEAT: "500ms",
  PALAVER_POLL: "1s",
  PALAVER_KEEPALIVE: "2s",
  PALAVER_DRAIN_GRACE: "1s",
};

/** Starts the service, with what it needs. Each replica takes 1 to 2 s of one core. */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const started: AsyncDisposable[] = [];
  const use = <T extends AsyncDisposable>(resource: T): T => {
    started.push(resource);
    return resource;
  };
  const dispose = async (): Promise<void> => {
    for (let next = started.pop(); next !== undefined; next = started.pop())
      await next[Symbol.asyncDispose]();
  };
  try {
    return { ...(await startParts(options, use)), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function startParts(
  options: TestClusterOptions,
  use: <T extends AsyncDisposable>(resource: T) => T,
): Promise<Omit<TestCluster, typeof Symbol.asyncDispose>> {
  const { env = {} } = options;
  const providers = options.providers ?? use(await startProviderServer());
  const databaseUrl = options.databaseUrl ?? use(await createTestDatabase()).url;
  const nats = use(await startNats());
  const database = use(openPostgres({ url: databaseUrl, poolSize: 2 }));
  const cluster = use(
    await startCluster({
      replicas: options.replicas ?? 3,
      storeUrl: databaseUrl,
      busUrl: nats.url,
      program: ({ index, storeUrl, busUrl, relayListen, relayUrl }) => ({
        command: serveCommand,
        cwd: root,
        env: {
          HOME: tmpdir(),
          PALAVER_LISTEN: "127.0.0.1:0",
          DATABASE_URL: storeUrl,
          NATS_URL: busUrl,
          PALAVER_RELAY_LISTEN: relayListen,
          PALAVER_ADVERTISE_URL: relayUrl,
          PALAVER_LOG_LEVEL: "warn",
          ...shortTimes,
          ...providerEnv(providers),
          ...(typeof env === "function" ? env(index) : env),
        },
      }),
      ready: async (program) => (await program.firstLine()) as { url: string; id: string },
    }),
  );
  const replicas = cluster.replicas.map((replica) => {
    const transport = use(transportTo(replica));
    const client = createClient(ChatService, transport);
    const watch = (chatId: string): Watch => use(new Watch(client, { chatId }));
    return Object.assign(replica, { transport, client, watch });
  });
  const ownerOf = async (chatId: string): Promise<TestClusterReplica | undefined> => {
    const [row] = await database.query<{ worker_id: string | null }>(selectOwner, [chatId]);
    return replicas.find(({ id }) => id === row?.worker_id);
  };
  return {
    replicas,
    replica: (index) => {
      const replica = replicas[index];
      if (replica === undefined) throw new Error(`there is no replica ${index}`);
      return replica;
    },
    providers,
    nats,
    database,
    ownerOf,
    ownedBy: (chatId, among = replicas) =>
      until(
        async () => {
          const owner = await ownerOf(chatId);
          return owner !== undefined && among.includes(owner) && owner;
        },
        { what: `one of ${among.length} replicas to run the chat`, deadlineMs: 20_000 },
      ),
    others: (replica) => replicas.filter((other) => other !== replica),
  };
}

const selectOwner = { name: "test_owner_of_chat", text: "select worker_id from chats where id = $1" };

/** To wherever the replica listens at the moment of a call. */
function transportTo(replica: ClusterReplica): Transport & AsyncDisposable {
  let current: { url: string; sessions: Http2SessionManager; transport: Transport } | undefined;
  const now = (): Transport => {
    const { url } = replica;
    if (current?.url !== url) {
      current?.sessions.abort();
      const sessions = new Http2SessionManager(url);
      current = {
        url,
        sessions,
        transport: createGrpcTransport({ baseUrl: url, sessionManager: sessions }),
      };
    }
    return current.transport;
  };
  return {
    unary: (method, signal, timeoutMs, header, input, contextValues) =>
      now().unary(method, signal, timeoutMs, header, input, contextValues),
    stream: (method, signal, timeoutMs, header, input, contextValues) =>
      now().stream(method, signal, timeoutMs, header, input, contextValues),
    [Symbol.asyncDispose]: async () => current?.sessions.abort(),
  };
}
