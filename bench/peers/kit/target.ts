import { Child } from "../../kit/child.js";
import { Resources } from "../../run/resources.js";
import type { Plan } from "./plan.js";
import type { OpenOptions, Place, Tally } from "./serve-readers.js";

/** One side of a comparison: who says plans, and who reads them. */
export interface Target extends AsyncDisposable {
  readonly url: string;
  readonly readers: Readers;
  /** CPU time of all that serves, so far: of who makes the deltas only where it is the same process. */
  readonly cpuUs: () => Promise<number>;
  /** A new stream, which says the plan when it goes. */
  readonly prepare: (plan: Plan) => Promise<Stream>;
}

export interface Stream {
  /** What readers have to know. */
  readonly address: string;
  /** Resolves with when it began. */
  readonly go: () => Promise<number>;
  /** Ends one that stays. */
  readonly end: () => Promise<void>;
}

/** Readers that are open. */
export interface OpenReaders {
  /** Resolves with when the last of them had read so many deltas. */
  readonly reach: (deltas: number) => Promise<number>;
  readonly tally: () => Promise<Tally>;
  readonly place: (deltas: number) => Promise<Place>;
  /** How long a client that was cut there takes until it has the whole text, in ms. */
  readonly resume: (place: Place) => Promise<number>;
  readonly close: () => Promise<void>;
}

/** A process full of readers (see `serveReaders`). */
export class Readers implements AsyncDisposable {
  readonly #child: Child;

  constructor(module: string) {
    this.#child = startModule(module);
  }

  async open(options: OpenOptions): Promise<OpenReaders> {
    const group = await this.#child.ask<number>("open", options);
    return {
      reach: (deltas) => this.#child.ask("reach", { group, deltas }),
      tally: () => this.#child.ask("tally", { group }),
      place: (deltas) => this.#child.ask("place", { group, deltas }),
      resume: (place) => this.#child.ask("resume", { group, place }),
      close: () => this.#child.ask("close", { group }),
    };
  }

  async cpuUs(): Promise<number> {
    return (await this.#child.usage()).cpuUs;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }
}

/** The processes of a peer: modules in its folder of `bench/peers/`. */
export interface PeerProcesses {
  readonly folder: string;
  readonly server: Child;
  /** Who says the plans, if it is not the server (see `servePeer`). */
  readonly producer?: Child;
  /** CPU time of what else serves, so far. */
  readonly elsewhereUs?: () => Promise<number>;
}

export async function peerTarget({
  folder,
  server,
  producer = server,
  elsewhereUs,
}: PeerProcesses): Promise<Target> {
  const resources = new Resources();
  resources.use(server);
  if (producer !== server) resources.use(producer);
  const readers = resources.use(new Readers(`${folder}/readers-process.mjs`));
  try {
    return {
      url: await server.ask<string>("url"),
      readers,
      cpuUs: async () => (await server.usage()).cpuUs + ((await elsewhereUs?.()) ?? 0),
      prepare: async (plan) => {
        const { stream, address } = await producer.ask<{ stream: number; address: string }>("prepare", {
          plan,
        });
        return {
          address,
          go: () => producer.ask("go", { stream }),
          end: () => producer.ask("end", { stream }),
        };
      },
      [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
    };
  } catch (error) {
    await resources[Symbol.asyncDispose]();
    throw error;
  }
}

/** A process of a module in `bench/peers/`, with an environment of its own. */
export function startModule(module: string, env: Readonly<Record<string, string>> = {}): Child {
  // Modules that import packages which need not be there are JavaScript; what they share with this side is not.
  return new Child({ module: `bench/peers/${module}`, env, nodeOptions: ["--import", "tsx"] });
}
