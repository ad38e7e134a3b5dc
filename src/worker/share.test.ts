import { describe, expect, it } from "vitest";
import { chatsToAskFor, giveWayMs, takesUnasked } from "./share.js";

const alone = { capacity: 100, busy: 0, othersWithRoom: 0, othersUse: 0 };

describe("a worker asks for", () => {
  it.each([
    ["ten chats at once", alone, 10],
    ["no more than it can run", { ...alone, busy: 97 }, 3],
    ["none when it is full", { ...alone, busy: 100 }, 0],
    ["none when more came back from a wait than it can run", { ...alone, busy: 103 }, 0],
    ["none when it only serves clients", { ...alone, capacity: 0 }, 0],
    ["its part, where others have room", { ...alone, othersWithRoom: 2 }, 4],
    ["one at least, however many others there are", { ...alone, othersWithRoom: 50 }, 1],
  ])("%s", (_what, load, count) => {
    expect(chatsToAskFor(load)).toBe(count);
  });
});

describe("a worker lets others go first", () => {
  it.each([
    ["not while it is idle", { ...alone, othersWithRoom: 2 }, 0],
    ["not when it is alone", { ...alone, busy: 50 }, 0],
    ["the longer, the more of its places are taken", { ...alone, busy: 50, othersWithRoom: 1 }, 10],
    [
      "the same for the same part of another capacity",
      { ...alone, capacity: 4, busy: 2, othersWithRoom: 1 },
      10,
    ],
    ["for no reason when it can take nothing", { ...alone, busy: 100, othersWithRoom: 1 }, 0],
    ["nor when it only serves clients", { ...alone, capacity: 0, othersWithRoom: 1 }, 0],
  ])("%s", (_what, load, ms) => {
    expect(giveWayMs(load)).toBe(ms);
  });
});

describe("a worker takes what is offered to it without telling the others", () => {
  const among = { ...alone, othersWithRoom: 2 };
  it.each([
    ["while it is idle", among, true],
    ["whatever it runs, when it is alone", { ...alone, busy: 99 }, true],
    ["whatever it runs, when the others are full", { ...alone, busy: 99, othersUse: 1 }, true],
    ["while it runs as much as the others", { ...among, busy: 40, othersUse: 0.4 }, true],
    ["while it runs hardly more", { ...among, busy: 51, othersUse: 0.4 }, true],
    ["not when it runs much more", { ...among, busy: 52, othersUse: 0.4 }, false],
    ["not when it has two turns more than others that are idle", { ...among, busy: 2 }, false],
    ["by the part of what it can run", { ...among, capacity: 10, busy: 6, othersUse: 0.4 }, true],
    ["not when it is full", { ...alone, busy: 100 }, false],
    ["not when it only serves clients", { ...alone, capacity: 0 }, false],
  ])("%s", (_what, load, takes) => {
    expect(takesUnasked(load)).toBe(takes);
  });
});
