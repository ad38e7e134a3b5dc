import { randomUUID } from "node:crypto";
import { type Bus, LocalBus } from "../../src/bus/index.js";
import { Chats, type Place } from "../../src/chat/index.js";
import type { Model, ModelRegistry } from "../../src/models/index.js";
import { noMetrics, silentLogger, systemClock } from "../../src/platform/index.js";
import { type Database, listReplicas, readHistory, writeHeartbeat } from "../../src/store/index.js";
import { DeltaLog } from "../../src/stream/index.js";
import { createToolRegistry } from "../../src/tools/index.js";
import { Worker } from "../../src/worker/index.js";
import { until } from "../kit/until.js";

export interface TestWorkersOptions {
  readonly database: Database;
  /** How many turns each worker runs at once. */
  readonly capacities: readonly number[];
  readonly leaseMs?: number;
  readonly heartbeatMs?: number;
}

/**
 * Workers on one database, without servers. The first one hears of new work at once, like one whose own replica has taken the call; the
 * others a few milliseconds later, as from afar.
 */
export interface TestWorkers extends AsyncDisposable {
  readonly chats: Chats;
  /** The same as one of a replica that runs no turns has them: what it leaves is anyone's. */
  readonly elsewhere: Chats;
  /** How often the other workers were called. */
  calledFromAfar(): number;
  /** Asks the first one for a place. */
  reserve(chatId: string): Place | undefined;
  /** Creates a chat with a turn to run; resolves when it is committed. */
  newChat(): Promise<string>;
  /** How many running chats each worker owns, in their order. */
  owned(): Promise<number[]>;
  /** Resolves when as many chats are owned by these workers. */
  allOwned(count: number): Promise<void>;
}

/** Begins to answer, and goes on until it is stopped. */
const endless: Model = {
  provider: "test",
  id: "test/endless",
  async *stream(_request, { signal }) {
    yield { type: "text", block: "0", delta: "…" };
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  },
};

const models: ModelRegistry = {
  defaultModelId: endless.id,
  resolve: () => endless,
  whyNot: () => "",
  available: () => [endless.id],
};

const countOwned = {
  name: "test_count_owned",
  text: "select worker_id as id, count(*) as chats from chats where status = 'running' and worker_id is not null group by worker_id",
};

export async function startWorkers({
  database,
  capacities,
  leaseMs = 15_000,
  heartbeatMs = 50,
}: TestWorkersOptions): Promise<TestWorkers> {
  // The first worker is the one whose replica the test calls.
  const bus = new BusFromAfar();
  const elsewhere = {
    database,
    leaseMs,
    publish: bus.publish.bind(bus),
  };
  const looks = new Map<string, number>();
  const workers: Worker[] = [];
  const chats = new Chats({ ...elsewhere, reserve: (chatId) => workers[0]?.reserve(chatId) });
  const ids: readonly string[] = capacities.map(() => randomUUID());
  for (const [index, capacity] of capacities.entries()) {
    const id = ids[index] ?? "";
    const worker = new Worker({
      workerId: id,
      chats,
      bus: index === 0 ? bus : bus.afar,
      turn: {
        readHistory: (chatId) => readHistory(database, chatId),
        readFiles: async () => new Map(),
        models,
        tools: createToolRegistry([]),
        deltaLog: new DeltaLog({ clock: systemClock }),
        silence: { firstEventMs: 600_000, idleMs: 600_000 },
        toolTimeoutMs: 1_000,
        maxStepWeight: 1_000_000,
      },
      clock: systemClock,
      logger: silentLogger,
      metrics: noMetrics,
      beat: ({ turns }) =>
        writeHeartbeat(database, {
          id,
          advertisedUrl: "",
          version: "test",
          capacity,
          turns,
          clockAt: systemClock.now(),
        }),
      readReplicas: async () => {
        const replicas = await listReplicas(database);
        looks.set(id, replicas.filter((replica) => ids.includes(replica.id)).length);
        return replicas;
      },
      tidy: () => Promise.resolve(),
      leaseMs,
      heartbeatMs,
      // Longer than any test: what happens was not found by chance.
      pollMs: 600_000,
      checkpointMs: 600_000,
      capacity,
    });
    workers.push(worker);
    await worker.start();
  }
  await until(() => ids.every((id) => looks.get(id) === ids.length), {
    what: "all workers to see each other",
  });
  const owned = async (): Promise<number[]> => {
    const rows = await database.query<{ id: string; chats: number }>(countOwned);
    return ids.map((id) => rows.find((row) => row.id === id)?.chats ?? 0);
  };
  return {
    chats,
    elsewhere: new Chats(elsewhere),
    reserve: (chatId) => workers[0]?.reserve(chatId),
    calledFromAfar: () => bus.calls,
    owned,
    newChat: () => createChat(chats),
    allOwned: async (count) => {
      await until(async () => (await owned()).reduce((sum, chats) => sum + chats, 0) === count, {
        what: `${count} owned chats`,
      });
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(workers.map((worker) => worker.stop({ drainMs: 0, graceMs: 10_000 })));
      await bus[Symbol.asyncDispose]();
    },
  };
}

const onTheWayMs = 3;

/** A bus with two ends: what the one says reaches the other one later. */
class BusFromAfar extends LocalBus {
  readonly #listeners = new Set<() => void>();
  calls = 0;

  constructor() {
    super();
    this.watchRunnable(() => {
      this.calls += 1;
      for (const listener of this.#listeners) systemClock.timer(onTheWayMs, listener);
    });
  }

  /** The other end. */
  readonly afar: Bus = {
    publish: (notification, owner) => this.publish(notification, owner),
    watchChat: (chatId, listener) => this.watchChat(chatId, listener),
    watchOwner: (owner, listener) => this.watchOwner(owner, listener),
    watchRunnable: (listener) => {
      this.#listeners.add(listener);
      return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Creates a chat with a turn to run. */
export async function createChat(chats: Chats): Promise<string> {
  const id = randomUUID();
  const model = endless.id;
  const first = { parts: [{ type: "text" as const, text: "go" }], author: "alice", model };
  const chat = { id, owner: "alice", title: "t", labels: {}, model, system: [], first };
  await chats.create(
    () => chat,
    () => undefined,
  );
  return id;
}
