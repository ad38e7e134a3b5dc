import { expect, it } from "vitest";
import { ManualClock } from "../platform/index.js";
import type { ChatRecord, MessageRecord } from "../protocol/index.js";
import type { ChatState, QueuedItem } from "./chat-state.js";
import { newChat } from "./machine.fixture.js";
import { RecentCommits } from "./recent-commits.js";

const at = new Date(0);

function chatAt(version: number, versions: Partial<ChatRecord> = {}): ChatRecord {
  return {
    id: "chat",
    owner: "alice",
    title: "",
    labels: {},
    archived: false,
    pinned: false,
    model: "test/model",
    status: "waiting",
    workerId: undefined,
    error: undefined,
    retry: undefined,
    actionDeadline: undefined,
    openCalls: [],
    snapshotVersion: version,
    historyVersion: version,
    queueVersion: 1,
    retryVersion: 1,
    metadataVersion: 1,
    resetVersion: 0,
    generationAttempt: 0,
    createdAt: at,
    updatedAt: at,
    ...versions,
  };
}

function message(
  id: number,
  text = "hello",
  visibility: MessageRecord["visibility"] = "both",
): MessageRecord {
  return {
    id,
    revision: id,
    role: "user",
    parts: [{ type: "text", text }],
    visibility,
    interrupted: false,
    model: undefined,
    author: undefined,
    usage: undefined,
    createdAt: at,
    contentError: undefined,
  };
}

const state: ChatState = newChat();

function setUp(...versions: number[]): { clock: ManualClock; recent: RecentCommits } {
  const clock = new ManualClock();
  const recent = new RecentCommits({ clock });
  for (const version of versions) recent.note(chatAt(version), state, [message(version)]);
  return { clock, recent };
}

function idsSince(recent: RecentCommits, version: number): number[] | undefined {
  return recent.since("chat", "alice", version)?.messages.map(({ id }) => id);
}

it("what came after a version that was known is told as far as it is known without a gap", () => {
  const { recent } = setUp(3, 4, 5);
  expect([1, 2, 3, 4, 5].map((version) => idsSince(recent, version))).toEqual([
    undefined,
    [3, 4, 5],
    [4, 5],
    [5],
    undefined,
  ]);
  expect(recent.since("chat", "alice", 4)).toBe(recent.since("chat", undefined, 4));
});

it("it begins anew after a commit of somebody else", () => {
  const { recent } = setUp(3, 4, 6);
  expect([idsSince(recent, 3), idsSince(recent, 4), idsSince(recent, 5)]).toEqual([
    undefined,
    undefined,
    [6],
  ]);
});

it("a commit that is told late changes nothing", () => {
  const { recent } = setUp(3, 5, 4);
  expect(idsSince(recent, 4)).toEqual([5]);
});

it("nobody is told of somebody else's chat", () => {
  const { recent } = setUp(3);
  expect(recent.since("chat", "bob", 2)).toBeUndefined();
  expect(recent.since("another", "alice", 2)).toBeUndefined();
});

it("what clients do not see is left out", () => {
  const { recent } = setUp();
  recent.note(chatAt(2), state, [message(2, "a", "model"), message(3)]);
  expect(idsSince(recent, 1)).toEqual([3]);
});

it("a history that was rewritten, and a queue that changed and is not empty, are asked for", () => {
  const { recent } = setUp();
  recent.note(chatAt(2, { resetVersion: 2 }), state, []);
  expect(idsSince(recent, 1)).toBeUndefined();
  const queued: QueuedItem = { id: 1, position: 1, parts: [], author: "alice", model: "test/model" };
  recent.note(chatAt(3, { resetVersion: 2, queueVersion: 3 }), { ...state, queue: [queued] }, []);
  expect(idsSince(recent, 2)).toBeUndefined();
  recent.note(chatAt(4, { resetVersion: 2, queueVersion: 4 }), state, []);
  expect(idsSince(recent, 2)).toEqual([]);
});

it("it is told for two seconds, and not told of what is deleted", () => {
  const { clock, recent } = setUp(3);
  clock.advance(2_000);
  expect(idsSince(recent, 2)).toEqual([3]);
  clock.advance(1);
  expect(idsSince(recent, 2)).toBeUndefined();
  // What the database says now may be older, where it was restored.
  recent.note(chatAt(2), state, [message(2)]);
  expect(idsSince(recent, 1)).toEqual([2]);
  recent.note(chatAt(3), undefined, []);
  expect(idsSince(recent, 1)).toBeUndefined();
});

it("what is large, and of many chats the oldest, and of many commits the first, are forgotten", () => {
  const { recent } = setUp(...Array.from({ length: 10 }, (_, index) => index + 1));
  expect([idsSince(recent, 1), idsSince(recent, 2)?.length]).toEqual([undefined, 8]);
  recent.note(chatAt(11), state, [message(11, "x".repeat(40_000))]);
  expect(idsSince(recent, 10)).toBeUndefined();
  for (let chat = 0; chat < 300; chat++) recent.note({ ...chatAt(1), id: `chat ${chat}` }, state, []);
  const known = (chat: number): boolean => recent.since(`chat ${chat}`, "alice", 0) !== undefined;
  expect([known(0), known(299)]).toEqual([false, true]);
});
