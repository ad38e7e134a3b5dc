import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Chat, ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { ChatListEvent } from "../../src/gen/palaver/chat/v1/event_pb.js";
import { openPostgres } from "../../src/store/index.js";
import { runPalaver } from "../cli/run-palaver.js";
import { engines } from "../kit/databases.js";
import { GrpcJsClient } from "../kit/grpc-js-client.js";
import { type ChatClient, newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { until } from "../kit/until.js";
import { connectWire, errorOf, seen, wires } from "../server/wire-clients.js";

type Event = ChatListEvent["event"];

/** The list as a client holds it. */
class ListView {
  readonly chats = new Map<string, Chat>();

  apply(event: Event): void {
    if (event.case === "listReset") this.chats.clear();
    if (event.case === "chatDelete") this.chats.delete(event.value.chatId);
    if (event.case === "chatUpdate" && event.value.chat !== undefined)
      this.chats.set(event.value.chat.id, event.value.chat);
  }

  /** What a list shows; versions move on without that. */
  shown(): unknown[] {
    return shown([...this.chats.values()]);
  }
}

function shown(chats: readonly Chat[]): unknown[] {
  return chats.map(({ versions: _, ...chat }) => chat).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** One call of WatchChats that is read to its end or until something has happened. */
class ListWatch implements AsyncDisposable {
  readonly view: ListView;
  readonly responses: { readonly events: readonly Event[]; readonly cursor: string }[] = [];
  readonly #from: string;
  readonly #leave = new AbortController();
  readonly #reading: Promise<unknown>;
  /** How the stream ended: undefined while it goes on. */
  failure: unknown;

  constructor(
    client: ChatClient,
    request: { cursor?: string; updatesOnly?: boolean } = {},
    view = new ListView(),
    headers: Record<string, string> = {},
  ) {
    this.view = view;
    this.#from = request.cursor ?? "";
    this.#reading = this.#read(client, request, headers);
  }

  async #read(client: ChatClient, request: object, headers: Record<string, string>): Promise<void> {
    try {
      for await (const response of client.watchChats(request, { headers, signal: this.#leave.signal })) {
        const events = response.events.map(({ event }) => event);
        for (const event of events) this.view.apply(event);
        this.responses.push({ events, cursor: response.cursor });
      }
    } catch (error) {
      this.failure = error;
    }
  }

  get events(): Event[] {
    return this.responses.flatMap(({ events }) => events);
  }

  /** Where another watch goes on. */
  get cursor(): string {
    return this.responses.at(-1)?.cursor ?? this.#from;
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await until(() => this.failure !== undefined || condition(), { what, deadlineMs: 20_000 });
    if (this.failure !== undefined)
      throw new Error(`the watch failed before ${what}`, { cause: this.failure });
  }

  async caughtUp(): Promise<void> {
    await this.until("caught_up", () => this.events.some((event) => event.case === "caughtUp"));
  }

  async end(): Promise<unknown> {
    await this.#reading;
    return this.failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.abort();
    await this.#reading;
  }
}

/** All chats of the caller, archived ones too, as ListChats shows them. */
async function listed(client: ChatClient): Promise<Chat[]> {
  const chats: Chat[] = [];
  for (const filter of ["archived = false", "archived = true"]) {
    for (let pageToken = ""; ; ) {
      const page = await client.listChats({ filter, pageSize: 200, pageToken });
      chats.push(...page.chats);
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
  }
  return chats;
}

/** Waits until no turn is under way, and returns the list then. */
async function settled(client: ChatClient): Promise<Chat[]> {
  return until(
    async () => {
      const chats = await listed(client);
      return chats.every(({ status }) => status === ChatStatus.WAITING) ? chats : undefined;
    },
    { what: "all turns to end", deadlineMs: 20_000 },
  );
}

function rename(client: ChatClient, id: string, title: string): Promise<unknown> {
  return client.updateChat({ chat: { id, title }, updateMask: { paths: ["title"] } });
}

let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "palaver-test-"));
  const scripts = join(folder, "quick.json");
  await writeFile(
    scripts,
    JSON.stringify({ name: "quick", turns: [{ steps: [{ text: "A quick answer." }] }] }),
  );
  env = { PALAVER_SCRIPTS: scripts };
});
afterAll(() => rm(folder, { recursive: true }));

const model = "scripted/quick";

describe.each(engines)("the watched list on %s", { timeout: 120_000 }, (engine) => {
  let replica: TestReplica;
  beforeAll(async () => {
    replica = await startTestReplica({ engine, env });
  });
  afterAll(() => replica[Symbol.asyncDispose]());

  it("tells a chat's life as it happens: created, answered, renamed, archived, deleted", async () => {
    const { client } = replica;
    await using watch = new ListWatch(client);
    await watch.caughtUp();
    const id = await newChat(client, model, "hello");
    const chat = (): Chat | undefined => watch.view.chats.get(id);
    await watch.until("the end of the turn", () => chat()?.status === ChatStatus.WAITING);
    const statuses = watch.events.flatMap((event) =>
      event.case === "chatUpdate" && event.value.chat?.id === id ? [event.value.chat.status] : [],
    );
    // States in between may be passed over, but they come in order.
    expect([...statuses].sort()).toEqual(statuses);
    await rename(client, id, "renamed");
    await watch.until("the new title", () => chat()?.title === "renamed");
    await client.updateChat({ chat: { id, archived: true }, updateMask: { paths: ["archived"] } });
    await watch.until("the archive", () => chat()?.archived === true);
    await client.deleteChat({ chatId: id });
    await watch.until("the deletion", () => chat() === undefined);
  });

  it("with updates_only tells nothing that was there before", async () => {
    const { client } = replica;
    await newChat(client, model);
    await using watch = new ListWatch(client, { updatesOnly: true });
    await watch.caughtUp();
    const id = await newChat(client, model);
    await watch.until("the new chat", () => watch.view.chats.has(id));
    expect(watch.events.map((event) => event.case)).toEqual(["caughtUp", "chatUpdate"]);
  });

  it("resumes exactly at every cursor of a transcript, also after a restart", async () => {
    await using first = await startTestReplica({ engine, env });
    const watch = new ListWatch(first.client);
    await watch.caughtUp();
    const ids: string[] = [];
    for (let number = 0; number < 8; number += 1) ids.push(await newChat(first.client, model, "hi"));
    await settled(first.client);
    for (const id of ids.slice(0, 4)) await rename(first.client, id, `renamed ${id}`);
    for (const id of ids.slice(2, 5)) await first.client.deleteChat({ chatId: id });
    const expected = shown(await settled(first.client));
    await watch.until("everything", () => {
      expect(watch.view.shown()).toEqual(expected);
      return true;
    });
    const { responses } = watch;
    await watch[Symbol.asyncDispose]();
    expect(responses.length).toBeGreaterThan(8);
    await first.stop();
    await using second = await startTestReplica({ engine, env: first.env });
    for (const [index, { cursor }] of responses.entries()) {
      const view = new ListView();
      for (const { events } of responses.slice(0, index + 1)) for (const event of events) view.apply(event);
      await using resumed = new ListWatch(second.client, { cursor }, view);
      await resumed.caughtUp();
      expect(view.shown()).toEqual(expected);
      // Each chat at most once, and none that did not change afterwards.
      const told = resumed.events.flatMap(idOf);
      expect(new Set(told).size).toBe(told.length);
      const changed = new Set(responses.slice(index + 1).flatMap(({ events }) => events.flatMap(idOf)));
      expect(new Set(told)).toEqual(changed);
    }
  });

  it("ends with a shutdown, from which its cursor resumes (STREAM-15)", async () => {
    await using first = await startTestReplica({ engine, env });
    const watch = new ListWatch(first.client);
    await watch.caughtUp();
    await newChat(first.client, model);
    await watch.until("the chat", () => watch.view.chats.size === 1);
    await first.stop();
    expect(seen(await watch.end())).toMatchObject({ code: "Unavailable", reason: "SHUTTING_DOWN" });
    await using second = await startTestReplica({ engine, env: first.env });
    await using resumed = new ListWatch(second.client, { cursor: watch.cursor });
    await resumed.caughtUp();
    expect(resumed.events.map((event) => event.case)).toEqual(["caughtUp"]);
  });

  it("held by readers that come and go is what ListChats shows, whatever happens", async () => {
    const { client } = replica;
    const step = fc.record({
      what: fc.constantFrom("create", "send", "rename", "pin", "archive", "unarchive", "delete", "reconnect"),
      which: fc.nat(),
      // Whether the next step waits for it.
      alone: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const view = new ListView();
        let watch = new ListWatch(client, {}, view);
        const underWay: Promise<unknown>[] = [];
        const ids = (await listed(client)).map(({ id }) => id);
        for (const { what, which, alone } of steps) {
          const id = ids[which % Math.max(1, ids.length)];
          if (what === "reconnect") {
            const { cursor } = watch;
            await watch[Symbol.asyncDispose]();
            watch = new ListWatch(client, { cursor }, view);
          } else {
            const done = act(client, what, id, which);
            underWay.push(
              done.then((created) => {
                if (created !== undefined) ids.push(created);
              }),
            );
            if (alone) await done;
          }
        }
        await Promise.all(underWay);
        const expected = shown(await settled(client));
        try {
          // A view that is the same already may not have been told so yet.
          await watch.caughtUp();
          await watch.until("the same list", () => {
            expect(view.shown()).toEqual(expected);
            return true;
          });
        } finally {
          await watch[Symbol.asyncDispose]();
        }
        // Nothing is left to tell whoever has seen it all.
        await using after = new ListWatch(client, { cursor: watch.cursor });
        await after.caughtUp();
        expect(after.events.map((event) => event.case)).toEqual(["caughtUp"]);
      }),
      // A failure takes seconds: the first one is enough.
      { numRuns: 15, endOnFailure: true },
    );
  });
});

/** Carries a step out; what the chat's state refuses is refused. Resolves to the id of a chat that it created. */
async function act(
  client: ChatClient,
  what: string,
  id: string | undefined,
  number: number,
): Promise<string | undefined> {
  if (what === "create" || id === undefined)
    return newChat(client, model, number % 2 === 0 ? undefined : "first");
  const update = (chat: object, path: string): Promise<unknown> =>
    client.updateChat({ chat: { id, ...chat }, updateMask: { paths: [path] } });
  const actions: Record<string, () => Promise<unknown>> = {
    send: () => client.sendMessage({ chatId: id, parts: says("more") }),
    rename: () => update({ title: `title ${number}` }, "title"),
    pin: () => update({ pinned: number % 2 === 0 }, "pinned"),
    archive: () => update({ archived: true }, "archived"),
    unarchive: () => update({ archived: false }, "archived"),
    delete: () => client.deleteChat({ chatId: id }),
  };
  try {
    await actions[what]?.();
  } catch (error) {
    expect(["FailedPrecondition", "NotFound", "ResourceExhausted"]).toContain(seen(error).code);
  }
  return undefined;
}

function idOf(event: Event): string[] {
  if (event.case === "chatUpdate") return [event.value.chat?.id ?? ""];
  return event.case === "chatDelete" ? [event.value.chatId] : [];
}

describe("on Postgres", { timeout: 120_000 }, () => {
  it("two owners never see each other, and admins see their own list", async () => {
    await using replica = await startTestReplica({ env: { ...env, PALAVER_AUTH: "tokens" } });
    const bearer = async (...args: string[]): Promise<Record<string, string>> => {
      const { stdout } = await runPalaver(["token", "create", ...args], { env: replica.env });
      return { authorization: `Bearer ${stdout.trim()}` };
    };
    const ada = await bearer("--owner", "ada");
    const bob = await bearer("--owner", "bob");
    const eve = await bearer("--owner", "eve", "--admin");
    const watches = [ada, bob, eve].map(
      (headers) => new ListWatch(replica.client, {}, new ListView(), headers),
    );
    for (const watch of watches) await watch.caughtUp();
    const create = async (headers: Record<string, string>): Promise<string> =>
      (await replica.client.createChat({ model }, { headers })).chat?.id ?? "";
    const ids = [await create(ada), await create(bob), await create(eve)];
    for (const [index, watch] of watches.entries()) {
      await watch.until("the own chat", () => watch.view.chats.size > 0);
      expect([...watch.view.chats.keys()]).toEqual([ids[index]]);
    }
    const [adas] = watches;
    const foreign = new ListWatch(replica.client, { cursor: adas?.cursor ?? "" }, new ListView(), bob);
    expect(seen(await foreign.end())).toMatchObject({ code: "InvalidArgument", reason: "INVALID_CURSOR" });
    for (const watch of watches) await watch[Symbol.asyncDispose]();
    for (const [index, watch] of watches.entries()) expect(watch.events.flatMap(idOf)).toEqual([ids[index]]);
  });

  it("a list of 5,000 chats comes in bounded responses, and each of their cursors resumes", async () => {
    await using replica = await startTestReplica({ env });
    await using database = openPostgres({ url: replica.env["DATABASE_URL"] ?? "", poolSize: 1 });
    const owner = (await newOwner(replica, database)).replaceAll("'", "''");
    await database.script(`
      insert into chats (id, owner, title, model, status, snapshot_version, history_version, queue_version, retry_version, metadata_version)
        select gen_random_uuid(), '${owner}', 'chat ' || i, 'm', 'waiting', 1, 1, 1, 1, 1 from generate_series(1, 5000) i`);
    await using watch = new ListWatch(replica.client);
    await watch.caughtUp();
    expect(watch.view.chats.size).toBe(5_001);
    expect(watch.events.flatMap(idOf)).toHaveLength(5_001);
    const sizes = watch.responses.map(({ events }) => events.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(129);
    for (const index of [0, 17, watch.responses.length - 1]) {
      const { cursor = "" } = watch.responses[index] ?? {};
      await using resumed = new ListWatch(replica.client, { cursor });
      await resumed.caughtUp();
      const rest = watch.responses.slice(index + 1).flatMap(({ events }) => events);
      expect(resumed.events.flatMap(idOf)).toEqual(rest.flatMap(idOf));
    }
  });

  it("a cursor from before a forgotten deletion begins with list_reset", async () => {
    await using replica = await startTestReplica({ env });
    await using database = openPostgres({ url: replica.env["DATABASE_URL"] ?? "", poolSize: 1 });
    await newChat(replica.client, model);
    const watch = new ListWatch(replica.client);
    await watch.caughtUp();
    await watch[Symbol.asyncDispose]();
    const gone = await newChat(replica.client, model);
    await replica.client.deleteChat({ chatId: gone });
    await database.script(
      "update deleted_chats_horizon set list_xid = (select max(list_xid::text)::xid8 from deleted_chats)",
    );
    await using resumed = new ListWatch(replica.client, { cursor: watch.cursor }, watch.view);
    await resumed.caughtUp();
    expect(resumed.events.map((event) => event.case)).toEqual(["listReset", "chatUpdate", "caughtUp"]);
    expect(watch.view.shown()).toEqual(shown(await listed(replica.client)));
  });
});

/** The owner in whose name a replica without tokens serves everybody: the one of a chat that it creates. */
async function newOwner(replica: TestReplica, database: ReturnType<typeof openPostgres>): Promise<string> {
  const id = await newChat(replica.client, model);
  const text = "select owner from chats where id = $1";
  const [row] = await database.query<{ owner: string }>({ name: "test_owner", text }, [id]);
  if (row === undefined) throw new Error("the chat is not there");
  return row.owner;
}

describe("over every wire", { timeout: 60_000 }, () => {
  let replica: TestReplica;
  beforeAll(async () => {
    replica = await startTestReplica({ env });
  });
  afterAll(() => replica[Symbol.asyncDispose]());

  it.each(wires)("%s tells the list, its changes, and what is no cursor", async (wire) => {
    using client = connectWire(wire, replica.url);
    await using watch = new ListWatch(client.chat);
    await watch.caughtUp();
    const id = await newChat(client.chat, model);
    await watch.until("the chat", () => watch.view.chats.has(id));
    await client.chat.deleteChat({ chatId: id });
    await watch.until("its deletion", () => !watch.view.chats.has(id));
    const next = client.chat.watchChats({ cursor: "nonsense" })[Symbol.asyncIterator]().next();
    expect(await errorOf(next)).toMatchObject({
      code: "InvalidArgument",
      reason: "INVALID_CURSOR",
      fields: ["cursor"],
    });
  });

  it("grpc-js, which shares no code with the server, reads it as well", async () => {
    using client = new GrpcJsClient(ChatService, replica.url);
    const id = await newChat(createClient(ChatService, createGrpcTransport({ baseUrl: replica.url })), model);
    const stream = client.serverStream("watchChats", {});
    const view = new ListView();
    for await (const response of stream as AsyncIterable<{ events: ChatListEvent[] }>) {
      for (const { event } of response.events) view.apply(event);
      if (response.events.some(({ event }) => event.case === "caughtUp")) break;
    }
    stream.cancel();
    expect(view.chats.get(id)?.model).toBe(model);
  });
});
