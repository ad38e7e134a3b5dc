import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { readOwner } from "../../src/store/index.js";
import { openTestDatabase, type OpenTestDatabase } from "../kit/databases.js";
import { type NatsServer, startNats } from "../kit/nats-server.js";
import { gate, type ProviderServer, startProviderServer, text } from "../kit/provider-server/index.js";
import { newChat, startTestReplica, type TestReplica } from "../kit/replica.js";
import { textOf } from "../kit/watch.js";
import { ReplicaAt0005 } from "./version-at-0005.js";

/** What a chat's notification is made from; each version says it in its own way. */
interface Facts {
  readonly chatId: string;
  readonly version: number;
  readonly workerId: string;
}

type Encode = (facts: Facts) => BinaryWriter;

/** The fields that all versions have. */
const short: Encode = ({ chatId, version }) =>
  new BinaryWriter().tag(1, WireType.LengthDelimited).string(chatId).tag(2, WireType.Varint).int64(version);

const status = (writer: BinaryWriter, write: (status: BinaryWriter) => BinaryWriter): BinaryWriter =>
  write(writer.tag(7, WireType.LengthDelimited).fork()).join();

const withUnknownFields: Encode = (facts) =>
  status(short(facts), (inner) =>
    inner
      .tag(1, WireType.Varint)
      .int32(ChatStatus.RUNNING)
      .tag(2, WireType.LengthDelimited)
      .string(facts.workerId)
      .tag(3, WireType.LengthDelimited)
      .string("why"),
  )
    .tag(9, WireType.Varint)
    .int32(1)
    .tag(10, WireType.LengthDelimited)
    .bytes(new Uint8Array([255, 0, 255]))
    .tag(11, WireType.Bit32)
    .fixed32(7)
    .tag(12, WireType.Bit64)
    .fixed64(7)
    .tag(500, WireType.StartGroup)
    .tag(1, WireType.Varint)
    .int32(1)
    .tag(500, WireType.EndGroup);

const withUnknownStatus: Encode = (facts) =>
  status(short(facts), (inner) =>
    inner.tag(1, WireType.Varint).int32(99).tag(2, WireType.LengthDelimited).string(facts.workerId),
  );

const variants: readonly (readonly [string, Encode])[] = [
  ["fields that this version does not know", withUnknownFields],
  ["no field but the chat and its version", short],
  ["a status that this version does not know", withUnknownStatus],
  [
    "a status and a worker that are both unknown",
    (facts) => status(short(facts), (inner) => inner.tag(9, WireType.LengthDelimited).string("else")),
  ],
];

let nats: NatsServer;
let connection: NatsConnection;
beforeAll(async () => {
  nats = await startNats();
  connection = await nats.connect();
});
afterAll(() => nats[Symbol.asyncDispose]());

/** So that nothing but a notification can have told. */
const silent = (): Record<string, string> => ({ NATS_URL: nats.url, PALAVER_POLL: "10m" });

async function publish(encode: Encode, facts: Facts): Promise<void> {
  connection.publish(`palaver.v1.chat.${facts.chatId}.notify`, encode(facts).finish());
  await connection.flush();
}

describe("a notification of another version tells a subscriber that there is something to see, with", () => {
  let opened: OpenTestDatabase;
  let replica: TestReplica;
  beforeAll(async () => {
    opened = await openTestDatabase("postgres");
    const env = { ...silent(), DATABASE_URL: opened.url ?? "", PALAVER_CONCURRENT_TURNS: "0" };
    replica = await startTestReplica({ env });
  });
  afterAll(async () => {
    await replica[Symbol.asyncDispose]();
    await opened[Symbol.asyncDispose]();
  });

  test.each(variants)("%s", async (_what, encode) => {
    const { database } = opened;
    const neighbour = new ReplicaAt0005(database);
    await neighbour.beat();
    const chatId = await neighbour.createChat();
    const [chat] = await neighbour.acquire(1);
    if (chat?.id !== chatId) throw new Error("the chat was not acquired");
    const watch = replica.watch(chatId);
    await watch.status(ChatStatus.RUNNING);
    await watch.event("caughtUp");
    await neighbour.finish(chat, "said elsewhere");

    const owner = await readOwner(database, chatId, 15_000);
    await publish(encode, { chatId, version: owner?.snapshotVersion ?? 0, workerId: neighbour.id });

    await watch.status(ChatStatus.WAITING);
    expect(watch.messages().map(textOf)).toEqual(["hello", "said elsewhere"]);
    expect(watch.ended).toBeUndefined();
  });
});

describe("a notification of another version about a turn that runs here does not disturb it, with", () => {
  let opened: OpenTestDatabase;
  let providers: ProviderServer;
  let replica: TestReplica;
  beforeAll(async () => {
    [opened, providers] = await Promise.all([openTestDatabase("postgres"), startProviderServer()]);
    const env = { ...silent(), DATABASE_URL: opened.url ?? "" };
    replica = await startTestReplica({ providers, env });
  });
  afterAll(async () => {
    await replica[Symbol.asyncDispose]();
    await opened[Symbol.asyncDispose]();
    await providers[Symbol.asyncDispose]();
  });

  /** As a replica would that cannot tell anybody; returns the version. */
  async function rename(chatId: string, title: string): Promise<number> {
    const text = `update chats set title = $2, snapshot_version = snapshot_version + 1, metadata_version = snapshot_version + 1
      where id = $1`;
    await opened.database.execute({ name: "test.rename_chat", text }, [chatId, title]);
    return (await readOwner(opened.database, chatId, 15_000))?.snapshotVersion ?? 0;
  }

  test.each(variants)("%s", async (_what, encode) => {
    const script = await providers.script([text("first "), gate("here"), text("and last")]);
    const chatId = await newChat(replica.client, `openai-chat/${script.model}`, "go");
    const watch = replica.watch(chatId);
    await script.reached("here");
    await watch.event("messagePart");
    const version = await rename(chatId, "new");
    for (const hinted of [1, version - 1, 1_000_000, version])
      await publish(encode, { chatId, version: hinted, workerId: "" });
    // Nothing else tells of the new title: they have arrived.
    await watch.event("chatUpdate", ({ chat }) => chat?.title === "new");
    await script.open("here");
    await watch.status(ChatStatus.WAITING);
    expect(watch.messages().map(textOf)).toEqual(["go", "first and last"]);
    expect(watch.all("previewReset")).toEqual([]);
    expect(await script.requests()).toHaveLength(1);
  });
});
