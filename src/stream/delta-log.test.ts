import { expect, test } from "vitest";
import { type Part, Role } from "../gen/palaver/chat/v1/message_pb.js";
import { partToProto } from "../protocol/index.js";
import { type Delta, DeltaLog, type EpisodeLog } from "./delta-log.js";
import { describeEvent } from "./machine-run.fixture.js";

const episode = { historyVersion: 7, generationAttempt: 2 };
const text = (value: string): Part => partToProto({ type: "text", text: value });
const delta = (value: string): Delta => ({ role: Role.ASSISTANT, block: 1, part: text(value) });

test("STREAM-5: deltas are numbered from 1 inside their episode", () => {
  const log = new DeltaLog();
  const writer = log.open("a", episode);
  expect([writer.append(delta("Hel")), writer.append(delta("lo"))]).toEqual([1, 2]);
  expect(log.current("a")?.deltas.map(describeEvent)).toEqual(["part 7.2#1 Hel", "part 7.2#2 lo"]);
  const [first] = log.current("a")?.deltas ?? [];
  expect(first?.event.value).toMatchObject({
    episode: { historyVersion: 7n, generationAttempt: 2 },
    firstSeq: 1n,
    seq: 1n,
    role: Role.ASSISTANT,
    block: 1,
  });
});

test("a delta is built once, whoever reads it", () => {
  const log = new DeltaLog();
  log.open("a", episode).append(delta("x"));
  expect(log.current("a")?.deltas[0]).toBe(log.current("a")?.deltas[0]);
});

test("a closed episode leaves the log at once, and whoever holds it drains it", () => {
  const log = new DeltaLog();
  const writer = log.open("a", episode);
  writer.append(delta("x"));
  const held = log.current("a");
  expect(held?.state).toEqual({ type: "open" });
  writer.close("committed");
  expect(log.current("a")).toBeUndefined();
  expect(held?.deltas).toHaveLength(1);
  expect(held?.state).toEqual({ type: "closed", outcome: "committed" });
});

test("nothing is appended after the end, and the first end counts", () => {
  const log = new DeltaLog();
  const writer = log.open("a", episode);
  const held = log.current("a");
  writer.close("discarded");
  writer.close("committed");
  expect(() => writer.append(delta("x"))).toThrow(/closed/);
  expect(held?.state).toEqual({ type: "closed", outcome: "discarded" });
});

test("a new episode of a chat discards the one that is open, and the end of the old one does not touch it", () => {
  const log = new DeltaLog();
  const old = log.open("a", episode);
  const held = log.current("a");
  log.open("a", { ...episode, generationAttempt: 3 });
  log.open("b", episode);
  expect(held?.state).toEqual({ type: "closed", outcome: "discarded" });
  old.close("committed");
  expect(log.current("a")?.episode.generationAttempt).toBe(3);
  expect(log.current("b")?.episode).toEqual(episode);
});

test("listeners hear of every delta and of the end, until they are disposed", () => {
  const log = new DeltaLog();
  const writer = log.open("a", episode);
  const heard: string[] = [];
  const held = log.current("a");
  held?.onChange(() => heard.push(`${held.deltas.length} ${held.state.type}`));
  const second = held?.onChange(() => heard.push("second"));
  writer.append(delta("x"));
  second?.[Symbol.dispose]();
  writer.append(delta("y"));
  writer.close("committed");
  expect(heard).toEqual(["1 open", "second", "2 open", "2 closed"]);
});

test("watchers hear of the episodes of their chat only, until they are disposed", () => {
  const log = new DeltaLog();
  const opened: EpisodeLog[] = [];
  const watch = log.watch("a", (episodeLog) => opened.push(episodeLog));
  log.open("b", episode);
  log.open("a", episode);
  expect(opened).toEqual([log.current("a")]);
  watch[Symbol.dispose]();
  log.open("a", { ...episode, generationAttempt: 3 });
  expect(opened).toHaveLength(1);
});
