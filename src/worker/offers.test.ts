import { expect, it } from "vitest";
import type { ChatState } from "../chat/index.js";
import { ManualClock } from "../platform/index.js";
import { Offers } from "./offers.js";

const left: ChatState = {
  phase: { status: "running", owner: undefined, retry: undefined },
  archived: false,
  versions: { snapshot: 1, history: 1, queue: 1, retry: 1, metadata: 1, reset: 0 },
  generationAttempt: 0,
  leaseEpoch: 0,
  lastMessageId: 1,
  lastQueueId: 0,
  model: "test/model",
  queue: [],
  openCalls: [],
  checkpoint: undefined,
  compactionRequested: false,
};

function setUp(): { clock: ManualClock; offers: Offers } {
  const clock = new ManualClock();
  const offers = new Offers({ clock });
  offers.offerTo(() => true);
  return { clock, offers };
}

it("the oldest offers are taken first, once, and know their age", () => {
  const { clock, offers } = setUp();
  for (const chatId of ["a", "b", "c"]) {
    offers.add(chatId, left);
    clock.advance(10);
  }
  expect(offers.take(2)).toEqual([
    { chatId: "a", state: left, ageMs: 30 },
    { chatId: "b", state: left, ageMs: 20 },
  ]);
  expect(offers.has("a")).toBe(false);
  expect(offers.take(2)).toEqual([{ chatId: "c", state: left, ageMs: 10 }]);
  expect(offers.take(2)).toEqual([]);
});

it("of a chat counts what it was last", () => {
  const { offers } = setUp();
  const changed = { ...left, leaseEpoch: 1 };
  offers.add("a", left);
  offers.add("a", changed);
  expect(offers.take(9)).toEqual([{ chatId: "a", state: changed, ageMs: 0 }]);
});

it("what nobody takes does not grow without end, and what was known is kept up to date", () => {
  const { offers } = setUp();
  for (let chat = 0; chat < 1_000; chat++) offers.add(`chat ${chat}`, left);
  const changed = { ...left, leaseEpoch: 1 };
  offers.add("chat 0", changed);
  expect(offers.has("chat 999")).toBe(false);
  const taken = offers.take(1_000);
  expect(taken).toHaveLength(100);
  expect(taken[0]?.state).toBe(changed);
});

it("what is not taken is no offer, nor what that chat was before", () => {
  const { offers } = setUp();
  offers.add("a", left);
  offers.offerTo(() => false);
  offers.add("a", { ...left, leaseEpoch: 1 });
  offers.add("b", left);
  expect(offers.size).toBe(0);
  expect(new Offers({ clock: new ManualClock() }).has("a")).toBe(false);
});

it("whoever is asked sees what is offered already", () => {
  const { offers } = setUp();
  offers.offerTo(() => offers.size < 2);
  for (const chatId of ["a", "b", "c"]) offers.add(chatId, left);
  expect(["a", "b", "c"].map((chatId) => offers.has(chatId))).toEqual([true, true, false]);
});
