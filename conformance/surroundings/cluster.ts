import { reservePort } from "./reserved-port.js";
import type { Address } from "./gate-mode.js";
import { type Program, type ProgramEnd, type ProgramOptions, startProgram } from "./program.js";
import { openTcpGate, type TcpGate } from "./tcp-gate.js";

/** What one replica is told of where things are. The same at each start. */
export interface ReplicaAddresses {
  /** Counts from 0. */
  readonly index: number;
  /** host:port where it may serve its clients: nobody listens there. */
  readonly listen: string;
  /** host:port where it has to serve its peers. */
  readonly relayListen: string;
  /** The URL at which its peers reach it, through a gate. */
  readonly relayUrl: string;
  /** Of what all replicas share, through gates of its own; empty where there is none. */
  readonly storeUrl: string;
  readonly busUrl: string;
}

/** What is known of a replica that is ready. */
export interface ReadyReplica {
  /** Where it serves its clients. */
  readonly url: string;
  /** What it calls itself, if it says so. */
  readonly id?: string;
}

export interface ClusterOptions {
  readonly replicas: number;
  /** What all replicas share; each gets there through links of its own. */
  readonly storeUrl?: string | undefined;
  readonly busUrl?: string | undefined;
  /** How a replica is started. */
  readonly program: (addresses: ReplicaAddresses) => ProgramOptions;
  /** Resolves when it serves. */
  readonly ready: (program: Program, addresses: ReplicaAddresses) => Promise<ReadyReplica>;
}

/** The links of one replica. A link to something that the cluster does not have leads nowhere. */
export interface ReplicaLinks {
  /** From it to the store. */
  readonly store: TcpGate;
  /** From it to the bus. */
  readonly bus: TcpGate;
  /** From all others to its relay listener. */
  readonly relay: TcpGate;
}

/** One place in a cluster, in which one process runs at a time. */
export interface ClusterReplica {
  readonly index: number;
  /** Where it serves its clients: as it said at its last start. */
  readonly url: string;
  /** What it called itself at its last start; empty if it does not say. */
  readonly id: string;
  readonly links: ReplicaLinks;
  /** Whether a process runs here, or stands still. */
  readonly isRunning: boolean;
  /** Whether it stands still. */
  readonly isStopped: boolean;
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
  const { storeUrl, busUrl } = options;
  const [listen, relayListen] = [await reservePort(), await reservePort()];
  const links = {
    store: await openTcpGate(addressOf(storeUrl)),
    bus: await openTcpGate(addressOf(busUrl)),
    relay: await openTcpGate({ host: "127.0.0.1", port: relayListen.port }),
  };
  const addresses: ReplicaAddresses = {
    index,
    listen: `127.0.0.1:${listen.port}`,
    relayListen: `127.0.0.1:${relayListen.port}`,
    relayUrl: `http://127.0.0.1:${links.relay.port}`,
    storeUrl: through(links.store, storeUrl),
    busUrl: through(links.bus, busUrl),
  };
  let program: Program | undefined;
  let isRunning = false;
  let isStopped = false;
  let ready: ReadyReplica = { url: "" };

  const start = async (): Promise<void> => {
    const started = startProgram(options.program(addresses));
    program = started;
    isRunning = true;
    isStopped = false;
    void started.ended.then(() => {
      if (program === started) isRunning = false;
    });
    ready = await options.ready(started, addresses);
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
      return ready.id ?? "";
    },
    get isRunning() {
      return isRunning;
    },
    get isStopped() {
      return isRunning && isStopped;
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
    stop: async () => {
      isStopped = true;
      await current().stop();
    },
    continue: () => {
      isStopped = false;
      current().continue();
    },
    restart: async () => {
      await program?.kill();
      await start();
    },
    [Symbol.asyncDispose]: async () => {
      await program?.kill();
      const held = [...Object.values(links), listen, relayListen];
      await Promise.all(held.map((one) => one[Symbol.asyncDispose]()));
    },
  };
}

function addressOf(url: string | undefined): Address | undefined {
  if (url === undefined) return undefined;
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** The same URL, by way of the link. */
function through({ port }: TcpGate, url: string | undefined): string {
  if (url === undefined) return "";
  const via = new URL(url);
  via.hostname = "127.0.0.1";
  via.port = String(port);
  return via.href;
}
