import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { type ChatListEvent, ChatListEventSchema } from "../gen/palaver/chat/v1/event_pb.js";
import { createChatListView, reduceChatList } from "./chat-list-view.js";
import { clientOf, hastyClock } from "./scripted-server.fixture.js";
import { watchChats } from "./watch-chats.js";

function event(init: MessageInitShape<typeof ChatListEventSchema>["event"]): ChatListEvent {
  return create(ChatListEventSchema, { event: init } as MessageInitShape<typeof ChatListEventSchema>);
}

function updated(id: string, at: number, { pinned = false, version = at } = {}): ChatListEvent {
  const chat = {
    id,
    pinned,
    updateTime: { seconds: BigInt(at) },
    versions: { snapshotVersion: BigInt(version) },
  };
  return event({ case: "chatUpdate", value: { chat } });
}

const deleted = (chatId: string): ChatListEvent => event({ case: "chatDelete", value: { chatId } });
const caughtUp = event({ case: "caughtUp", value: {} });

function fed(events: readonly ChatListEvent[], view = createChatListView()) {
  return reduceChatList(view, { type: "events", events, cursor: "c" });
}

const ids = ({ chats }: ReturnType<typeof fed>): string[] => chats.map(({ id }) => id);

it("chats stand in the order of ListChats: pinned ones, then the newest", () => {
  const view = fed([
    updated("b", 1),
    updated("a", 1),
    updated("c", 3),
    updated("d", 2, { pinned: true }),
    caughtUp,
  ]);
  expect(ids(view)).toEqual(["d", "c", "a", "b"]);
  expect(view.caughtUp).toBe(true);
  expect(ids(fed([updated("b", 9), deleted("d")], view))).toEqual(["b", "c", "a"]);
});

it("a chat that has not changed keeps its identity, and an old version changes nothing", () => {
  const view = fed([updated("a", 5), updated("b", 1)]);
  const next = fed([updated("a", 5), updated("a", 9, { version: 4 }), updated("b", 6)], view);
  expect(ids(next)).toEqual(["b", "a"]);
  expect(next.chats[1]).toBe(view.chats[0]);
  expect(fed([updated("b", 6)], next).chats).toBe(next.chats);
});

it("a reset of the list forgets the chats; those that come again are the same objects", () => {
  const view = fed([updated("a", 1), updated("b", 2)]);
  const next = fed([event({ case: "listReset", value: {} }), updated("b", 2)], view);
  expect(ids(next)).toEqual(["b"]);
  expect(next.chats[0]).toBe(view.chats[0]);
});

it("a chat of the same version that was changed at another time is another one: the database was restored from a backup", () => {
  const view = fed([updated("a", 5, { version: 3 })]);
  const next = fed([event({ case: "listReset", value: {} }), updated("a", 4, { version: 3 })], view);
  expect(next.chats[0]?.updateTime?.seconds).toBe(4n);
});

it("watching goes on at the last cursor after a cut, and begins anew where it is not known", async () => {
  const cursors: string[] = [];
  const client = clientOf({
    async *watchChats({ cursor, updatesOnly }) {
      cursors.push(`${cursor}${updatesOnly ? " updates" : ""}`);
      if (cursors.length === 1) yield { events: [updated("a", 1), updated("b", 2), caughtUp], cursor: "c1" };
      if (cursors.length === 2) yield { events: [updated("a", 3)], cursor: "c2" };
      if (cursors.length === 3) throw new ConnectError("no", Code.NotFound);
      throw new ConnectError("gone", Code.Unavailable);
    },
  });
  let view = createChatListView();
  const views = [view];
  await expect(async () => {
    for await (const item of watchChats(client, { clock: hastyClock() })) {
      view = reduceChatList(view, item);
      views.push(view);
    }
  }).rejects.toThrow("no");
  expect(cursors).toEqual(["", "c1", "c2"]);
  expect(ids(view)).toEqual(["a", "b"]);
  expect(view).toMatchObject({ cursor: "c2", connection: { state: "ended" } });
});
