import { expect, it } from "vitest";
import { chatId } from "./chat-model.fixture.js";
import { ChatWorld } from "./chat-world.fixture.js";
import { statusOf, type Told } from "./told.js";
import { tellings } from "./view-events.js";

const everything = {
  sinceVersion: 0,
  afterMessageId: 0,
  resetSinceVersion: 0,
  withCheckpoint: false,
  atLeast: { version: 0, episode: undefined },
};

it("tells all who are at the same place the very same events, and nobody else", async () => {
  const world = new ChatWorld();
  world.send();
  const view = await world.readView(chatId, everything);
  if (view === undefined) throw new Error("there is no chat");
  const told = statusOf(view);
  const result = tellings(told, view, { resetPreview: false });
  expect(result.tellings.map(({ event }) => event.event.case)).toContain("message");
  expect(tellings({ ...told }, view, { resetPreview: false })).toBe(result);
  const others: [Told, typeof view, boolean][] = [
    [told, view, true],
    [told, { ...view }, false],
    [{ ...told, partly: undefined }, view, false],
    [{ ...told, opening: false }, view, false],
  ];
  for (const [from, what, resetPreview] of others)
    expect(tellings(from, what, { resetPreview })).not.toBe(result);
});
