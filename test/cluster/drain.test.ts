import { expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { startTestCluster } from "../kit/cluster.js";
import { listHistory } from "../kit/imports.js";
import { gate, text } from "../kit/provider-server/index.js";
import { newChat, says } from "../kit/replica.js";
import { textOf } from "../kit/watch.js";

const chats = 30;
const drainGraceMs = 1_000;

it("SIGTERM under load: the others finish what it ran, no turn fails and no message is lost (OWN-5)", {
  timeout: 120_000,
}, async () => {
  await using cluster = await startTestCluster();
  const { providers } = cluster;
  const leaving = cluster.replica(0);
  const others = cluster.others(leaving);
  // So that all turns begin on one replica.
  await Promise.all(others.map((other) => other.kill()));
  const load = await Promise.all(
    Array.from({ length: chats }, async (_, index) => {
      const script = await providers.script(
        [text("the "), gate("here"), text("answer")],
        [text("the "), gate("here"), text("answer")],
        [text("the last answer")],
      );
      const chatId = await newChat(leaving.client, `openai-chat/${script.model}`, "one");
      await script.reached("here");
      await leaving.client.sendMessage({ chatId, parts: says("two") });
      // Every third step can end while the replica drains; the others are cut off, to be generated anew.
      return { script, chatId, endsInTime: index % 3 === 0 };
    }),
  );
  await Promise.all(others.map((other) => other.restart()));
  for (const { chatId } of load) expect(await cluster.ownerOf(chatId)).toBe(leaving);
  const watches = load.map(({ chatId }, index) => others[index % others.length]?.watch(chatId));
  for (const watch of watches) await watch?.event("caughtUp");

  const terminating = leaving.terminate();
  for (const { script, endsInTime } of load) if (endsInTime) await script.open("here");
  const { code, signal, tookMs } = await terminating;
  console.log(`drained ${chats} running chats in ${tookMs} ms, with a grace of ${drainGraceMs} ms`);
  expect({ code, signal, stderr: leaving.stderr }).toMatchObject({ code: 0, signal: null });
  // Long before PALAVER_SHUTDOWN_GRACE, which is 10 s.
  expect(tookMs).toBeLessThan(drainGraceMs + 5_000);

  let finishedInPlace = 0;
  for (const [index, { script, chatId, endsInTime }] of load.entries()) {
    await script.open("here");
    const watch = watches[index];
    await watch?.until("both answers", () =>
      watch.messages().length === 4 && watch.all("status").at(-1)?.status === ChatStatus.WAITING
        ? true
        : undefined,
    );
    expect(watch?.all("error")).toEqual([]);
    expect(watch?.all("retry")).toEqual([]);
    const answers = (await listHistory(others[0]?.client ?? leaving.client, chatId)).map(textOf);
    expect(answers.slice(0, 3)).toEqual(["one", "the answer", "two"]);
    expect(answers).toHaveLength(4);
    // A call for each message, and one more for a step that was cut off.
    const calls = (await script.requests()).length;
    if (calls === 2) finishedInPlace += 1;
    expect(calls).toBeLessThanOrEqual(3);
    if (!endsInTime) expect(calls).toBe(3);
  }
  console.log(`${finishedInPlace} of ${chats} steps were finished where they began`);
  expect(finishedInPlace).toBeGreaterThan(0);
});
