import { freePort } from "./free-port.js";
import type { Address } from "./gate-mode.js";
import { type Program, type ProgramEnd, startProgram } from "./program.js";
import { openTcpGate, type TcpGate } from "./tcp-gate.js";

export interface ClusterOptions {
  readonly replicas: number;
  /** Starts one replica, which writes `{"url", "id"}` as one line of JSON when it is ready. */
  readonly command: readonly string[];
  readonly cwd?: string | undefined;
  /** What all replicas share; each gets there through links of its own. */
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** More of the environment, of each replica; `index` counts from 0. */
  readonly env?: (index: number) => Readonly<Record<string, string>>;
}

/** The links of one replica. */
export interface ReplicaLinks {
  /** From it to the database. */
  readonly database: TcpGate;
  /** From it to NATS. */
  readonly nats: TcpGate;
  /** From all others to its relay listener. */
  readonly relay: TcpGate;
}

/** One place in a cluster, in which one process runs at a time. */
export interface ClusterReplica {
  readonly index: number;
  /** Where it listens for clients; another after each start. */
  readonly url: string;
  /** What it calls itself; another after each start. */
  readonly id: string;
  readonly links: ReplicaLinks;
  /** Whether a process runs here, or stands still. */
  readonly isRunning: boolean;
  /** What its process has written to standard error, the last of it. */
  readonly stderr: string;
  /** Ends the process as a crash does. */
  kill(): Promise<void>;
  /** Asks the process to end, and tells how it did and how long that took. */
  terminate(): Promise<ProgramEnd & { readonly tookMs: number }>;
  /** The process stands still: its connections stay, and nothing answers. */
  stop(): Promise<void>;
  continue(): void;
  /** A new process, behind the same links. One that still runs is killed first. */
  restart(): Promise<void>;
}

/** Several replicas of one service, each a process of its own, with a gate on each link between them and what they share. */
export interface Cluster extends AsyncDisposable {
  readonly replicas: readonly ClusterReplica[];
}

/** Resolves when all replicas are ready. They end with this process, however that ends. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const places: Place[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(places.map((place) => place[Symbol.asyncDispose]()));
  };
  try {
    for (let index = 0; index < options.replicas; index++) places.push(await openPlace(index, options));
    await Promise.all(places.map((place) => place.restart()));
  } catch (error) {
    await dispose();
    throw error;
  }
  return { replicas: places, [Symbol.asyncDispose]: dispose };
}

type Place = ClusterReplica & AsyncDisposable;

async function openPlace(index: number, options: ClusterOptions): Promise<Place> {
  const { command, cwd } = options;
  const relayPort = await freePort();
  const links = {
    database: await openTcpGate(addressOf(options.databaseUrl)),
    nats: await openTcpGate(addressOf(options.natsUrl)),
    relay: await openTcpGate({ host: "127.0.0.1", port: relayPort }),
  };
  const env = {
    PALAVER_LISTEN: "127.0.0.1:0",
    DATABASE_URL: through(links.database, options.databaseUrl),
    NATS_URL: through(links.nats, options.natsUrl),
    PALAVER_RELAY_LISTEN: `127.0.0.1:${relayPort}`,
    PALAVER_ADVERTISE_URL: `http://127.0.0.1:${links.relay.port}`,
    ...options.env?.(index),
  };
  let program: Program | undefined;
  let isRunning = false;
  let ready = { url: "", id: "" };

  const start = async (): Promise<void> => {
    const started = startProgram({ command, env, cwd });
    program = started;
    isRunning = true;
    void started.ended.then(() => {
      if (program === started) isRunning = false;
    });
    const { url, id } = (await started.firstLine()) as Record<string, unknown>;
    if (typeof url !== "string" || typeof id !== "string")
      throw new Error('a replica says {"url", "id"} when it is ready');
    ready = { url, id };
  };
  const current = (): Program => {
    if (program === undefined) throw new Error("no process was started here yet");
    return program;
  };

  return {
    index,
    links,
    get url() {
      return ready.url;
    },
    get id() {
      return ready.id;
    },
    get isRunning() {
      return isRunning;
    },
    get stderr() {
      return program?.stderr ?? "";
    },
    kill: async () => {
      await current().kill();
    },
    terminate: async () => {
      const startedMs = performance.now();
      const end = await current().terminate();
      return { ...end, tookMs: Math.round(performance.now() - startedMs) };
    },
    stop: () => current().stop(),
    continue: () => current().continue(),
    restart: async () => {
      await program?.kill();
      await start();
    },
    [Symbol.asyncDispose]: async () => {
      await program?.kill();
      await Promise.all(Object.values(links).map((link) => link[Symbol.asyncDispose]()));
    },
  };
}

function addressOf(url: string): Address {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** The same URL, by way of the link. */
function through({ port }: TcpGate, url: string): string {
  const via = new URL(url);
  via.hostname = "127.0.0.1";
  via.port = String(port);
  return via.href;
}
