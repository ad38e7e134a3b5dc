import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { LocalBus, PolledBus } from "../../src/bus/index.js";
import { Chats, notificationOf } from "../../src/chat/index.js";
import type { ChatNotification } from "../../src/gen/palaver/relay/v1/notification_pb.js";
import { ManualClock, silentLogger, systemRandom } from "../../src/platform/index.js";
import { type Database, type Queryable, readChatHeads, writeHeartbeat } from "../../src/store/index.js";
import { engines, openTestDatabase } from "../kit/databases.js";
import { until } from "../kit/until.js";

const pollMs = 10_000;
const owner = "ada";

/** A database that many chats are watched in, and a bus on which whatever is announced gets lost. */
class Silence implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly chats: Chats;
  /** What the bus would have said of each chat after its last commit. */
  readonly lost = new Map<string, ChatNotification>();
  /** How many chats each statement that read heads was asked for. */
  readonly statements: number[] = [];
  readonly heard = new Map<string, (ChatNotification | undefined)[]>();
  readonly #bus: PolledBus;

  constructor(database: Database) {
    this.chats = new Chats({
      database,
      leaseMs: 60_000,
      publish: (notification) => void this.lost.set(notification.chatId, notification),
    });
    const counted: Queryable = {
      query: (statement, values) => {
        const [ids] = values ?? [];
        this.statements.push(Array.isArray(ids) ? ids.length : -1);
        return database.query(statement, values);
      },
      execute: (statement, values) => database.execute(statement, values),
      script: (text) => database.script(text),
    };
    this.#bus = new PolledBus({
      bus: new LocalBus(),
      readHeads: async (ids) => (await readChatHeads(counted, ids)).map(notificationOf),
      pollMs,
      clock: this.clock,
      random: systemRandom,
      logger: silentLogger,
    });
  }

  async create(): Promise<string> {
    const id = randomUUID();
    const first = {
      parts: [{ type: "text" as const, text: "hello" }],
      author: owner,
      model: "scripted/default",
    };
    const chat = { id, owner, title: "t", labels: {}, model: first.model, system: [], first };
    await this.chats.create(
      () => chat,
      () => undefined,
    );
    return id;
  }

  watch(chatId: string): void {
    const heard: (ChatNotification | undefined)[] = [];
    this.heard.set(chatId, heard);
    this.#bus.watchChat(chatId, (notification) => heard.push(notification));
  }

  /** One interval passes, and all that was to be read was read. */
  async poll(): Promise<void> {
    for (const heard of this.heard.values()) heard.length = 0;
    this.statements.length = 0;
    this.clock.advance(pollMs);
    await until(
      () => {
        this.clock.advance(10);
        return [...this.heard.values()].every(({ length }) => length > 0);
      },
      { what: "every listener to be told" },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bus[Symbol.asyncDispose]();
  }
}

describe.each(engines)("on %s", (engine) => {
  it("BUS-5: what lost notifications said of many chats is found with one statement, word for word", async () => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    await using silence = new Silence(database);
    const { chats, lost, heard, statements } = silence;
    const ids: string[] = [];
    for (let count = 0; count < 30; count += 1) ids.push(await silence.create());
    for (const id of ids) silence.watch(id);
    const [renamed = "", queued = "", interrupted = "", deleted = ""] = ids;
    const target = (chatId: string) => ({ chatId, owner });
    await chats.request(
      target(renamed),
      { type: "UpdateMetadata", metadata: { title: "new" } },
      () => undefined,
    );
    const message = {
      parts: [{ type: "text" as const, text: "and?" }],
      author: owner,
      model: "scripted/default",
    };
    await chats.request(target(queued), { type: "Send", message, whenBusy: "queue" }, () => undefined);
    for (const id of [interrupted, deleted])
      await chats.request(target(id), { type: "Interrupt" }, () => undefined);
    await chats.request(target(deleted), { type: "Delete" }, () => undefined);
    const worker = { id: randomUUID(), advertisedUrl: "", version: "", capacity: 1, turns: 0 };
    await writeHeartbeat(database, { ...worker, clockAt: silence.clock.now() });
    const acquired = await chats.acquire(worker.id, 5, []);
    expect(acquired).toHaveLength(5);

    await silence.poll();
    expect(statements).toEqual([30]);
    for (const id of ids) expect(heard.get(id)).toEqual([id === deleted ? undefined : lost.get(id)]);
    const workers = ids.filter((id) => heard.get(id)?.[0]?.status?.workerId === worker.id);
    expect(workers).toHaveLength(5);
  });

  it("a thousand chats, and what never was one, need one statement more", async () => {
    await using opened = await openTestDatabase(engine);
    await using silence = new Silence(opened.database);
    const { heard, lost, statements } = silence;
    const here = await silence.create();
    silence.watch(here);
    silence.watch("no id");
    for (let count = 0; count < 1_498; count += 1) silence.watch(randomUUID());
    await silence.poll();
    expect(statements.reduce((sum, size) => sum + size)).toBe(1_499);
    expect(statements).toHaveLength(2);
    for (const [id, said] of heard) expect(said).toEqual([id === here ? lost.get(id) : undefined]);
  });
});
