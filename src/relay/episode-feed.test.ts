import { toBinary } from "@bufbuild/protobuf";
import { beforeEach, expect, test } from "vitest";
import { type Part, Role } from "../gen/palaver/chat/v1/message_pb.js";
import { type RelayEvent, RelayEventSchema } from "../gen/palaver/relay/v1/relay_service_pb.js";
import { ManualClock } from "../platform/index.js";
import { partToProto } from "../protocol/index.js";
import { DeltaLog, type EpisodeWriter } from "../stream/index.js";
import { EpisodeFeed } from "./episode-feed.js";

const chatId = "a";
const id = (generationAttempt: number) => ({ historyVersion: 3, generationAttempt });
let log: DeltaLog;

beforeEach(() => {
  log = new DeltaLog({ clock: new ManualClock() });
});

function say(writer: EpisodeWriter, text: string): void {
  add(writer, partToProto({ type: "text", text }));
}

function add(writer: EpisodeWriter, part: Part, block = 1): void {
  writer.append({ role: Role.ASSISTANT, block, part });
}

function kinds(events: readonly RelayEvent[]): string[] {
  return events.map(({ event }) => {
    if (event.case === "episodeOpened")
      return `opened ${event.value.episode?.generationAttempt} after ${event.value.afterSeq}`;
    if (event.case === "deltas")
      return `deltas ${event.value.firstSeq} to ${Number(event.value.firstSeq) + Math.max(1, event.value.lengths.length) - 1}`;
    return event.case === "episodeClosed" ? `closed ${event.value.committed}` : String(event.case);
  });
}

test("what a peer holds of an episode is not sent again, nor is its end told twice", () => {
  const writer = log.open(chatId, id(1));
  for (const text of ["a", "b", "c"]) say(writer, text);
  using feed = new EpisodeFeed(log, chatId, { episode: id(1), seq: 2 });
  expect(kinds(feed.take())).toEqual(["opened 1 after 2", "deltas 3 to 3"]);
  writer.close("committed");
  expect(kinds(feed.take())).toEqual(["closed true"]);
  expect(feed.take()).toEqual([]);
});

test("a peer that holds more of an episode than there is gets it from its beginning", () => {
  say(log.open(chatId, id(1)), "a");
  using feed = new EpisodeFeed(log, chatId, { episode: id(1), seq: 2 });
  expect(kinds(feed.take())).toEqual(["opened 1 after 0", "deltas 1 to 1"]);
});

test("a peer is called for each episode in its turn, patiently while nothing but deltas come", () => {
  const first = log.open(chatId, id(1));
  using feed = new EpisodeFeed(log, chatId, undefined);
  expect(kinds(feed.take())).toEqual(["opened 1 after 0"]);
  const calls: boolean[] = [];
  feed.onReady(({ patient }) => calls.push(patient));
  say(first, "a");
  expect(calls.splice(0)).toEqual([true]);
  expect(kinds(feed.take())).toEqual(["deltas 1 to 1"]);
  first.close("committed");
  const second = log.open(chatId, id(2));
  expect(calls.splice(0)).toEqual([false, false]);
  expect(kinds(feed.take())).toEqual(["closed true", "opened 2 after 0"]);
  say(second, "b");
  expect(calls).toEqual([true]);
});

const large = "x".repeat(100 * 1024);
test.each([
  ["text", (number: number) => partToProto({ type: "text", text: `${number}${large}` })],
  [
    "parts that stand alone",
    (number: number) =>
      partToProto({
        type: "tool-call",
        tool_call_id: String(number),
        tool_name: "t",
        args_json: JSON.stringify(large),
      }),
  ],
])("a response is of bounded size, also of %s, and the end comes after the last of them", (_, part) => {
  const writer = log.open(chatId, id(1));
  for (let number = 1; number <= 20; number += 1) add(writer, part(number), number);
  writer.close("committed");
  using feed = new EpisodeFeed(log, chatId, { episode: id(1), seq: 0 });
  const told: RelayEvent[] = [];
  for (let events = feed.take(); events.length > 0; events = feed.take()) {
    const size = events.reduce((sum, event) => sum + toBinary(RelayEventSchema, event).length, 0);
    expect(size).toBeLessThan(512 * 1024);
    told.push(...events);
  }
  const [opened, ...rest] = kinds(told);
  expect(opened).toBe("opened 1 after 0");
  expect(rest.pop()).toBe("closed true");
  expect(rest).toEqual(Array.from({ length: 20 }, (_, index) => `deltas ${index + 1} to ${index + 1}`));
});
