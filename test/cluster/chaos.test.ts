import { randomInt } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { type Message, MessageSchema, Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { systemClock } from "../../src/platform/index.js";
import { startTestCluster, type TestCluster } from "../kit/cluster.js";
import { listHistory } from "../kit/imports.js";
import { newChat } from "../kit/replica.js";
import { until } from "../kit/until.js";
import { textOf } from "../kit/watch.js";
import { disturb, sleptFor } from "./disturbances.js";
import { Follower } from "./follower.js";
import { SeededRandom } from "./seeded-random.js";
import { type Sent, write } from "./writer.js";

/** `CLUSTER_CHAOS_SECONDS=600` for a long look; `CLUSTER_CHAOS_SEED` repeats the disturbances of a run. */
const chaosMs = Number(process.env["CLUSTER_CHAOS_SECONDS"] ?? 20) * 1_000;
const seed = Number(process.env["CLUSTER_CHAOS_SEED"] ?? randomInt(2 ** 31));
const chatCount = 200;
const writerCount = 6;
/** From the end of the last disturbance. */
const settleMs = 90_000;

/** Answers in a dozen fragments over a quarter of a second. */
const script = {
  name: "brief",
  chunk: 6,
  delay_ms: 20,
  turns: [{ steps: [{ text: "You said {{user:80}}, and that is all there is to say about it." }] }],
};

it(`${chatCount} chats on 3 replicas that are killed, stopped and cut off: nothing is lost, doubled or stuck`, {
  timeout: chaosMs + settleMs + 180_000,
}, async () => {
  console.log(`chaos for ${chaosMs / 1_000} s with CLUSTER_CHAOS_SEED=${seed}`);
  const random = new SeededRandom(seed);
  await using scripts = await scriptsFile();
  await using cluster = await startTestCluster({ env: { PALAVER_SCRIPTS: scripts.path } });
  const { replicas } = cluster;
  const chatIds = await Promise.all(
    Array.from({ length: chatCount }, (_, index) =>
      newChat(cluster.replica(index % replicas.length).client, "scripted/brief"),
    ),
  );
  // For each chat one on each replica; in the course of events they move.
  const followers = new Map(
    chatIds.map((chatId) => [chatId, replicas.map((replica) => new Follower(chatId, replica))]),
  );
  await using _followers = disposing([...followers.values()].flat());

  const sent: Sent = { texts: new Map(), messages: 0, failures: 0 };
  const disturbances = new Map<string, number>();
  await untilOver(chaosMs, (signal) => [
    ...Array.from({ length: writerCount }, (_, index) =>
      write({ name: `w${index}`, chatIds, replicas, random: random.fork(), sent, signal }),
    ),
    ...replicas.map((replica) =>
      disturb(replica, {
        random: random.fork(),
        signal,
        onDisturbed: (_, what) => void disturbances.set(what, (disturbances.get(what) ?? 0) + 1),
      }),
    ),
    moveAround(cluster, [...followers.values()].flat(), random.fork(), signal),
  ]);

  const healedMs = systemClock.monotonicMs();
  for (const each of followers.values())
    for (const [index, follower] of each.entries()) follower.moveTo(cluster.replica(index));
  await expectAllIdle(cluster, chatIds);
  for (const chatId of chatIds) {
    const history = await listHistory(cluster.replica(0).client, chatId);
    const texts = history.filter(({ role }) => role === Role.USER).map(textOf);
    expect(texts.toSorted()).toEqual((sent.texts.get(chatId) ?? []).toSorted());
    expect(history.filter(({ interrupted }) => interrupted)).toEqual([]);
    if (texts.length > 0) {
      expect(history.at(-1)?.role).toBe(Role.ASSISTANT);
      expect(textOf(history.at(-1))).toContain(`You said ${texts.at(-1)}`);
    }
    for (const follower of followers.get(chatId) ?? []) await expectToShow(follower, history);
  }
  const tookMs = Math.round(systemClock.monotonicMs() - healedMs);
  console.log(
    [
      `${sent.messages} messages acknowledged, ${sent.failures} calls failed and were repeated`,
      `disturbances: ${[...disturbances].map(([what, times]) => `${times} ${what}`).join(", ")}`,
      `the links: ${whatLinksTouched(cluster)}`,
      `all idle and all views equal ${tookMs} ms after the last disturbance`,
    ].join("\n"),
  );
  expect(sent.messages).toBeGreaterThan(0);
  expect(disturbances.size).toBeGreaterThan(0);
  // Nothing that came to a follower did not fit to what it had.
  const resets = [...followers.values()].flat().flatMap((follower) => follower.resets);
  expect(resets).toEqual([]);
});

/** Runs them until the time is over, or one of them fails: then the others end too. */
async function untilOver(
  ms: number,
  run: (signal: AbortSignal) => readonly Promise<unknown>[],
): Promise<void> {
  const over = new AbortController();
  const timer = systemClock.timer(ms, () => over.abort());
  try {
    const all = run(over.signal);
    await Promise.all(all).finally(async () => {
      over.abort();
      await Promise.allSettled(all);
    });
  } finally {
    timer[Symbol.dispose]();
  }
}

/** Clients disconnect, and come back elsewhere. */
async function moveAround(
  { replicas }: TestCluster,
  followers: readonly Follower[],
  random: SeededRandom,
  signal: AbortSignal,
): Promise<void> {
  while (await sleptFor(random.between(20, 200), signal))
    random.pick(followers).moveTo(random.pick(replicas));
}

async function expectAllIdle(cluster: TestCluster, chatIds: readonly string[]): Promise<void> {
  const idle = new Set<string>();
  const deadlineMs = systemClock.monotonicMs() + settleMs;
  for (const chatId of chatIds) {
    await until(
      async () => {
        const { chat } = await cluster.replica(1).client.getChat({ chatId }, { timeoutMs: 5_000 });
        if (chat?.status === ChatStatus.WAITING) idle.add(chatId);
        return idle.has(chatId) || chat?.status === ChatStatus.ERROR;
      },
      {
        what: `chat ${chatId} to be idle (${idle.size} are)`,
        deadlineMs: Math.max(0, deadlineMs - systemClock.monotonicMs()) + 1_000,
      },
    );
  }
  expect(idle.size).toBe(chatIds.length);
}

/** A follower that lags does so for no longer than a poll. */
async function expectToShow(follower: Follower, history: readonly Message[]): Promise<void> {
  const json = (messages: readonly Message[]): string[] =>
    messages.map((message) => toJsonString(MessageSchema, message));
  const expected = { status: ChatStatus.WAITING, step: undefined, queue: [], messages: json(history) };
  await until(
    () => {
      const { status, step, queue, messages } = follower.view;
      expect({ status, step, queue, messages: json(messages) }).toEqual(expected);
      return true;
    },
    { what: "a follower's view to be what ListMessages says", deadlineMs: 20_000 },
  );
}

function whatLinksTouched({ replicas }: TestCluster): string {
  const journals = replicas
    .flatMap(({ links: { store, bus, relay } }) => [store, bus, relay])
    .map((gate) => gate.journal);
  const count = (event: "cut" | "refused" | "held" | "swallowed"): string =>
    `${event} ${journals.reduce((sum, journal) => sum + journal.count(event), 0)}`;
  const bytes = (kind: "passed" | "held" | "swallowed"): string =>
    `${kind} ${journals.reduce((sum, journal) => sum + journal.bytes[kind], 0)}`;
  return `connections ${[count("cut"), count("refused"), count("held"), count("swallowed")].join(", ")}; bytes ${[bytes("passed"), bytes("held"), bytes("swallowed")].join(", ")}`;
}

async function scriptsFile(): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "palaver-scripts-"));
  const path = join(folder, "brief.json");
  await writeFile(path, JSON.stringify(script));
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

function disposing(resources: readonly AsyncDisposable[]): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(resources.map((resource) => resource[Symbol.asyncDispose]()));
    },
  };
}
