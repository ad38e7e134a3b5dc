import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { systemClock } from "../../src/platform/index.js";
import { startTestCluster, type TestCluster } from "../kit/cluster.js";
import { listHistory } from "../kit/imports.js";
import { gate, text } from "../kit/provider-server/index.js";
import { episodeKey, record, shown, viewOf } from "../kit/recording.js";
import { newChat, says } from "../kit/replica.js";
import { textOf, type Watch } from "../kit/watch.js";

const leaseMs = 3_000;

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** What somebody who comes now is shown, on each replica. */
async function viewsEverywhere(chatId: string): Promise<unknown[]> {
  return Promise.all(cluster.replicas.map(async ({ client }) => shown(viewOf(await record(client, chatId)))));
}

/** The episodes that a watcher has seen fragments of. */
function episodesOf(watch: Watch): Set<string> {
  return new Set(watch.all("messagePart").map(({ episode }) => episodeKey(episode)));
}

describe("the replica that runs a turn", { timeout: 90_000 }, () => {
  it("is killed in the middle of an answer: another goes on within the lease, and all see the same (OWN-2, OWN-3)", async () => {
    const { providers } = cluster;
    const script = await providers.script(
      [text("half an ans"), gate("never")],
      [text("the whole "), gate("begun"), text("answer")],
      [text("the second answer")],
    );
    const chatId = await newChat(cluster.replica(0).client, `openai-chat/${script.model}`, "one");
    await script.reached("never");
    const owner = await cluster.ownedBy(chatId);
    const survivors = cluster.others(owner);
    const watches = survivors.map((replica) => replica.watch(chatId));
    for (const watch of watches) await watch.event("messagePart");
    for (const survivor of survivors.slice(1))
      await survivor.client.sendMessage({ chatId, parts: says("two") });

    await owner.kill();
    const killedMs = systemClock.monotonicMs();
    await script.request(1);
    const tookMs = Math.round(systemClock.monotonicMs() - killedMs);
    console.log(`takeover after SIGKILL: ${tookMs} ms, with a lease of ${leaseMs} ms`);
    expect(survivors).toContain(await cluster.ownerOf(chatId));
    // The last beat may be as old as the heartbeat's interval, and whoever looks does so once in a poll of 1 s.
    expect(tookMs).toBeLessThan(leaseMs + 2_000);

    for (const watch of watches) await watch.event("previewReset");
    await script.open("begun");
    for (const watch of watches) {
      await watch.until("both answers", () => (watch.messages().length === 4 ? true : undefined));
      await watch.status(ChatStatus.WAITING);
      expect(watch.messages().map(textOf)).toEqual(["one", "the whole answer", "two", "the second answer"]);
      expect(watch.all("queueUpdate").at(-1)?.queue).toEqual([]);
    }
    await owner.restart();
    const views = await viewsEverywhere(chatId);
    expect(views[0]).toMatchObject({ status: ChatStatus.WAITING, queue: [] });
    for (const view of views) expect(view).toEqual(views[0]);
    expect(await script.requests()).toHaveLength(3);
  });

  it("stands still for longer than its lease: what it says afterwards counts for nothing (OWN-1, OWN-4)", async () => {
    const { providers } = cluster;
    const script = await providers.script(
      [text("the old"), gate("old"), text(" answer")],
      [text("the new"), gate("new"), text(" answer")],
      [text("and on")],
    );
    const chatId = await newChat(cluster.replica(0).client, `openai-chat/${script.model}`, "one");
    await script.reached("old");
    const zombie = await cluster.ownedBy(chatId);
    const others = cluster.others(zombie);
    const watches = others.map((replica) => replica.watch(chatId));
    for (const watch of watches) await watch.event("caughtUp");

    await zombie.stop();
    await script.reached("new");
    const heir = await cluster.ownedBy(chatId, others);
    zombie.continue();
    await script.open("old");
    // It has read its answer, or has noticed before that it is too late.
    expect(["completed", "aborted by client"]).toContain(await script.ended(0));
    // Nor does it disturb who runs the chat now.
    expect(await cluster.ownerOf(chatId)).toBe(heir);
    await script.open("new");
    for (const watch of watches) await watch.status(ChatStatus.WAITING);

    // It serves again, and has come so far that anything of the old turn would be there.
    const before = watches.map((watch) => watch.events.length);
    await zombie.client.sendMessage({ chatId, parts: says("two") });
    for (const [index, watch] of watches.entries()) {
      await watch.until("the next answer", () => (watch.messages().length === 4 ? true : undefined));
      await watch.status(ChatStatus.WAITING, before[index]);
      expect(watch.messages().map(textOf)).toEqual(["one", "the new answer", "two", "and on"]);
      expect(new Set(watch.all("message").map(({ message }) => message?.id)).size).toBe(
        watch.all("message").length,
      );
    }
    const views = await viewsEverywhere(chatId);
    for (const view of views) expect(view).toEqual(views[0]);
    expect((await listHistory(zombie.client, chatId)).map(textOf)).toEqual([
      "one",
      "the new answer",
      "two",
      "and on",
    ]);
    // One call of the model for each attempt: nobody began one twice.
    expect(await script.requests()).toHaveLength(3);
    for (const watch of watches) expect(episodesOf(watch).size).toBeLessThanOrEqual(3);
  });
});
