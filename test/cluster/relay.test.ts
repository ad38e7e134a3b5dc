import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { systemClock } from "../../src/platform/index.js";
import { startTestCluster, type TestCluster, type TestClusterReplica } from "../kit/cluster.js";
import { freePort } from "../kit/ports.js";
import { gate, type ProviderStep, text } from "../kit/provider-server/index.js";
import { episodeKey } from "../kit/recording.js";
import { newChat, says } from "../kit/replica.js";
import { Scrape } from "../kit/scrape.js";
import { until } from "../kit/until.js";
import { textOf, type Watch } from "../kit/watch.js";

let cluster: TestCluster;
/** Runs no turns: whatever it shows came over a relay. */
let watcher: TestClusterReplica;
const metricsPorts: number[] = [];

beforeAll(async () => {
  for (let index = 0; index < 3; index += 1) metricsPorts.push(await freePort());
  cluster = await startTestCluster({
    env: (index) => ({
      PALAVER_METRICS_LISTEN: `127.0.0.1:${metricsPorts[index]}`,
      ...(index === 0 ? { PALAVER_CONCURRENT_TURNS: "0" } : {}),
    }),
  });
  watcher = cluster.replica(0);
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** A turn whose model says these things; nothing that is shown of it is committed before the last gate opens. */
async function startTurn(...steps: readonly (string | ProviderStep)[]) {
  const script = await cluster.providers.script(
    steps.map((step) => (typeof step === "string" ? text(step) : step)),
    [text("the next answer")],
  );
  const chatId = await newChat(watcher.client, `openai-chat/${script.model}`, "go");
  await script.request(0);
  return { script, chatId, owner: await cluster.ownedBy(chatId) };
}

/** The text of the last episode that was shown. Throws when a fragment came twice or is missing (RELAY-7, STREAM-5). */
function shownBy(watch: Watch): string {
  let [episode, seq, joined] = ["", 0n, ""];
  for (const delta of watch.all("messagePart")) {
    const key = episodeKey(delta.episode);
    if (key !== episode) [episode, seq, joined] = [key, 0n, ""];
    if (delta.firstSeq !== seq + 1n) throw new Error(`fragment ${delta.firstSeq} came after ${seq}`);
    seq = delta.seq;
    joined += delta.part?.kind.case === "text" ? delta.part.kind.value.text : "";
  }
  return joined;
}

async function untilShown(watch: Watch, expected: string): Promise<void> {
  await watch.until(
    `"${expected}" as the deltas`,
    () => (shownBy(watch) === expected ? true : undefined),
    30_000,
  );
}

async function metric(replica: TestClusterReplica, name: string): Promise<number | undefined> {
  return (await Scrape.of(`http://127.0.0.1:${metricsPorts[replica.index]}/metrics`)).value(name);
}

async function untilMetric(replica: TestClusterReplica, name: string, value: number): Promise<void> {
  await until(async () => (await metric(replica, name)) === value, { what: `${name} to be ${value}` });
}

async function finished(watch: Watch, ...expected: readonly string[]): Promise<void> {
  await watch.until(
    "the end of the turn",
    () => (watch.messages().length === expected.length ? true : undefined),
    30_000,
  );
  await watch.status(ChatStatus.WAITING);
  expect(watch.messages().map(textOf)).toEqual(expected);
  expect(watch.ended).toBeUndefined();
}

/** A turn of this replica is shown over its link, to its end. Whatever was under way there before has arrived then. */
async function laterRelayFrom(owner: TestClusterReplica): Promise<void> {
  for (;;) {
    const turn = await startTurn("later ", gate("later"));
    const watch = watcher.watch(turn.chatId);
    await untilShown(watch, "later ");
    await turn.script.open("later");
    await finished(watch, "go", "later ");
    await watch[Symbol.asyncDispose]();
    if (turn.owner === owner) return;
  }
}

describe("a relay between two replicas", { timeout: 90_000 }, () => {
  it("RELAY-5, 7: is dialled again when the link drops, and each fragment comes once, also among equal ones", async () => {
    const { script, chatId, owner } = await startTurn(
      "la ",
      "la ",
      "la ",
      gate("cut"),
      "la ",
      "la ",
      gate("end"),
    );
    const watch = watcher.watch(chatId);
    await untilShown(watch, "la la la ");
    // Whoever comes late is shown the stored checkpoint before the relay is there.
    await until(() => owner.links.relay.journal.count("connected") > 0, { what: "the relay's connection" });
    const { mark } = owner.links.relay.journal;
    expect(owner.links.relay.sever()).toBeGreaterThan(0);
    await script.open("cut");
    owner.links.relay.mend();
    await untilShown(watch, "la la la la la ");
    expect(owner.links.relay.journal.count("connected", mark)).toBeGreaterThan(0);
    await script.open("end");
    await finished(watch, "go", "la la la la la ");
    expect(watch.all("previewReset")).toEqual([]);
  });

  it("RELAY-4: blocks nothing while its dial is pending", async () => {
    const { script, chatId, owner } = await startTurn("shown ", gate("end"));
    const { relay } = owner.links;
    relay.sever();
    relay.mend();
    relay.hold();
    const { mark } = relay.journal;
    const watch = watcher.watch(chatId);
    await relay.journal.seen("held", { since: mark });
    await watch.event("caughtUp");
    await watch.status(ChatStatus.RUNNING);
    await watcher.client.sendMessage({ chatId, parts: says("and then?") });
    await watch.event("queueUpdate", ({ queue }) => queue.length === 1);
    await watcher.client.updateChat({
      chat: { id: chatId, title: "named" },
      updateMask: { paths: ["title"] },
    });
    await watch.event("chatUpdate", ({ chat }) => chat?.title === "named");
    expect(relay.mode).toBe("held");
    relay.release();
    await untilShown(watch, "shown ");
    await script.open("end");
    await finished(watch, "go", "shown ", "and then?", "the next answer");
  });

  it("STREAM-6: brings a late joiner what was shown before", async () => {
    const { script, chatId } = await startTurn("a ", "b ", "c ", gate("joined"), "d", gate("end"));
    await script.reached("joined");
    const watch = watcher.watch(chatId);
    await untilShown(watch, "a b c ");
    await script.open("joined");
    await untilShown(watch, "a b c d");
    await script.open("end");
    await finished(watch, "go", "a b c d");
  });

  it("RELAY-3: brings nothing of a turn that was interrupted while it was dialled", async () => {
    const script = await cluster.providers.script(
      [text("old "), gate("stale"), text("STALE")],
      [text("new "), gate("end")],
    );
    const chatId = await newChat(watcher.client, `openai-chat/${script.model}`, "go");
    await script.request(0);
    const owner = await cluster.ownedBy(chatId);
    const { relay } = owner.links;
    relay.sever();
    relay.hold();
    const { mark } = relay.journal;
    const watch = watcher.watch(chatId);
    await relay.journal.seen("held", { since: mark });
    await watcher.client.interruptChat({ chatId });
    await watch.status(ChatStatus.WAITING);
    expect(watch.messages().map(textOf)).toEqual(["go", "old "]);
    const { mark: interrupted } = watch;
    await watcher.client.sendMessage({ chatId, parts: says("again") });
    await script.request(1);
    relay.release();
    await script.open("stale");
    await untilShown(watch, "new ");
    await laterRelayFrom(owner);
    // The old dial was answered by now, and let go.
    await untilMetric(watcher, "palaver_relay_connected", 1);
    await script.open("end");
    await finished(watch, "go", "old ", "again", "new ");
    const since = watch.events.slice(interrupted);
    const told = JSON.stringify(since, (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    );
    expect(told).not.toContain("STALE");
    expect(told).not.toContain("old ");
    shownBy(watch);
  });

  it("RELAY-11: is released when the last watcher leaves during its dial", async () => {
    const { script, chatId, owner } = await startTurn("never watched", gate("end"));
    const { relay } = owner.links;
    relay.sever();
    relay.hold();
    const { mark } = relay.journal;
    // Those of the chats before.
    const before = (await metric(watcher, "palaver_relay_watched_chats")) ?? 0;
    const watch = watcher.watch(chatId);
    await relay.journal.seen("held", { since: mark });
    await watch[Symbol.asyncDispose]();
    await untilMetric(watcher, "palaver_relay_watched_chats", before);
    relay.release();
    // The link works again, and nobody asks for that chat.
    const other = await startTurn("other", gate("end"));
    const watched = watcher.watch(other.chatId);
    await untilShown(watched, "other");
    await untilMetric(watcher, "palaver_relay_connected", 1);
    await untilMetric(owner, "palaver_relay_served", other.owner === owner ? 1 : 0);
    for (const { script: open } of [{ script }, other]) await open.open("end");
    await finished(watched, "go", "other");
  });

  it("OWN-3: goes from one worker to the next, which begins the step anew", async () => {
    const script = await cluster.providers.script(
      [text("from the first"), gate("never")],
      [text("from the second"), gate("end")],
    );
    const chatId = await newChat(watcher.client, `openai-chat/${script.model}`, "go");
    const owner = await cluster.ownedBy(chatId);
    const watch = watcher.watch(chatId);
    await untilShown(watch, "from the first");
    await owner.kill();
    await untilShown(watch, "from the second");
    expect(watch.all("previewReset")).toHaveLength(1);
    await script.open("end");
    await finished(watch, "go", "from the second");
    await owner.restart();
  });

  it("RELAY-5: is dialled again and again while the worker cannot be reached", async () => {
    const { script, chatId, owner } = await startTurn("at last", gate("end"));
    const { relay } = owner.links;
    relay.sever();
    const { mark } = relay.journal;
    const watch = watcher.watch(chatId);
    await until(() => relay.journal.count("refused", mark) >= 3, { what: "three refused dials" });
    relay.mend();
    await untilShown(watch, "at last");
    await script.open("end");
    await finished(watch, "go", "at last");
  });

  it("RELAY-10: is closed when the chat comes to run on the replica itself", async () => {
    const script = await cluster.providers.script(
      [text("from there"), gate("never")],
      [text("from here"), gate("end")],
    );
    const chatId = await newChat(watcher.client, `openai-chat/${script.model}`, "go");
    const owner = await cluster.ownedBy(chatId);
    const heir = cluster.others(owner).find((replica) => replica !== watcher);
    if (heir === undefined) throw new Error("there is no other worker");
    const watch = heir.watch(chatId);
    await untilShown(watch, "from there");
    await untilMetric(heir, "palaver_relay_connected", 1);
    // It loses the chat, and lives: its end of the relay stays open.
    owner.links.store.sever();
    await untilShown(watch, "from here");
    expect(await cluster.ownerOf(chatId)).toBe(heir);
    await untilMetric(heir, "palaver_relay_connected", 0);
    await untilMetric(owner, "palaver_relay_served", 0);
    expect(owner.links.relay.connections).toBeGreaterThan(0);
    owner.links.store.mend();
    await script.open("end");
    await finished(watch, "go", "from here");
  });

  it("survives several cuts in a row", async () => {
    const names = ["one", "two", "three", "four", "five"];
    const { script, chatId, owner } = await startTurn(
      ...names.flatMap((name) => [`${name} `, gate(name)]),
      "and done",
      gate("end"),
    );
    const { relay } = owner.links;
    const watch = watcher.watch(chatId);
    let expected = "";
    for (const name of names) {
      expected += `${name} `;
      await untilShown(watch, expected);
      expect(relay.sever()).toBeGreaterThan(0);
      relay.mend();
      await script.open(name);
    }
    expected += "and done";
    await untilShown(watch, expected);
    await script.open("end");
    await finished(watch, "go", expected);
    expect(watch.all("previewReset")).toEqual([]);
  });

  it("RELAY-9: is dialled again when its link swallows everything without a word", async () => {
    const { script, chatId, owner } = await startTurn("before ", gate("swallowed"), "after", gate("end"));
    const { relay } = owner.links;
    const watch = watcher.watch(chatId);
    // It may be the stored checkpoint that shows this, before the relay is there to be lost.
    await untilShown(watch, "before ");
    await untilMetric(watcher, "palaver_relay_connected", 1);
    const { mark } = relay.journal;
    const lost = (await metric(watcher, "palaver_relay_lost_total")) ?? 0;
    const beganMs = systemClock.monotonicMs();
    relay.blackHole();
    await script.open("swallowed");
    await relay.journal.seen("swallowed", { since: mark });
    await untilMetric(watcher, "palaver_relay_lost_total", lost + 1);
    const tookMs = systemClock.monotonicMs() - beganMs;
    console.log(`a black hole was noticed after ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(12_000);
    relay.mend();
    await untilShown(watch, "before after");
    await script.open("end");
    await finished(watch, "go", "before after");
  });

  it("RELAY-8: is not needed for what is committed", async () => {
    const { script, chatId, owner } = await startTurn("unseen ", gate("end"));
    owner.links.relay.sever();
    const watch = watcher.watch(chatId);
    await watch.event("caughtUp");
    await script.open("end");
    await finished(watch, "go", "unseen ");
    owner.links.relay.mend();
  });
});
