import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newChat, startTestReplica, type TestReplica } from "../kit/replica.js";
import { until } from "../kit/until.js";
import { refusal, startFakeChatServer, untilLeft } from "./fake-chat-server.js";
import { runPalaver, startPalaver } from "./run-palaver.js";

let replica: TestReplica;
beforeAll(async () => {
  replica = await startTestReplica();
});
afterAll(() => replica[Symbol.asyncDispose]());

const model = "scripted/default";

test("ls --watch prints the list, then a line for every change, until Ctrl-C", async () => {
  const { client } = replica;
  const before = await newChat(client, model);
  const hidden = await newChat(client, model);
  await client.updateChat({ chat: { id: hidden, archived: true }, updateMask: { paths: ["archived"] } });
  const run = startPalaver(["ls", "--watch", "--url", replica.url]);
  const prints = (text: string | RegExp): Promise<unknown> =>
    until(() => run.stdout().match(text), { what: `the output of ${String(text)}` });
  await prints(before);
  expect(run.stdout()).toMatch(/^ID +STATUS +AGE +TITLE\n/);
  expect(run.stdout()).not.toContain(hidden);
  const id = await newChat(client, model);
  await prints(new RegExp(`${id}  waiting  now  \\S`));
  const update = { id, title: "two\nlines \u001b[31m" };
  await client.updateChat({ chat: update, updateMask: { paths: ["title"] } });
  await prints(new RegExp(`${id}  waiting  now  two lines`));
  await client.deleteChat({ chatId: id });
  await prints(`${id}  deleted`);
  expect(run.stdout()).not.toContain("\u001b");
  run.interrupt();
  expect(await run.exitCode).toBe(130);
});

test("ls --watch --json prints one event per line", async () => {
  const { client } = replica;
  const run = startPalaver(["ls", "--watch", "--json", "--url", replica.url]);
  const events = (): Record<string, { chat?: { id: string } }>[] =>
    run
      .stdout()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, never>);
  await until(() => events().some((event) => "caughtUp" in event), { what: "the list" });
  const id = await newChat(client, model);
  await until(() => events().some(({ chatUpdate }) => chatUpdate?.chat?.id === id), { what: "the new chat" });
  await client.deleteChat({ chatId: id });
  await until(() => "chatDelete" in (events().at(-1) ?? {}), { what: "the deletion" });
  expect(events().at(-1)).toEqual({ chatDelete: { chatId: id } });
  run.interrupt();
  expect(await run.exitCode).toBe(130);
});

test("ls --watch goes on across a restart of the server", async () => {
  await using first = await startTestReplica();
  const listen = new URL(first.url).host;
  const run = startPalaver(["ls", "--watch", "--url", first.url]);
  await until(() => run.stdout().startsWith("ID"), { what: "the list" });
  await first.stop();
  await until(() => run.stderr().includes("connection lost"), { what: "the loss to be noticed" });
  await using second = await startTestReplica({ env: { ...first.env, PALAVER_LISTEN: listen } });
  const id = await newChat(second.client, model);
  await until(() => run.stdout().includes(id), { what: "the new chat" });
  expect(run.stderr()).toBe("— connection lost, trying to reconnect —\n— connected again —\n");
  // What was printed before is not printed again.
  expect(run.stdout().match(/^ID/gm)).toHaveLength(1);
  run.interrupt();
  expect(await run.exitCode).toBe(130);
});

test("ls --watch --json says that the list begins anew, before it does", async () => {
  let count = 0;
  await using server = await startFakeChatServer({
    async *watchChats({ cursor }, context) {
      count += 1;
      if (cursor !== "") throw refusal(Code.InvalidArgument, "INVALID_CURSOR", "No.");
      yield { events: [{ event: { case: "caughtUp" as const, value: {} } }], cursor: String(count) };
      if (count > 1) await untilLeft(context);
    },
  });
  const run = startPalaver(["ls", "--watch", "--json", "--url", server.url]);
  await until(() => run.stdout().match(/caughtUp/g)?.length === 2, { what: "both lists" });
  expect(run.stdout()).toBe('{"caughtUp":{}}\n{"listReset":{}}\n{"caughtUp":{}}\n');
  run.interrupt();
  expect(await run.exitCode).toBe(130);
});

test.each([["--archived"], ["--limit", "3"], ["--filter", "pinned = true"]])(
  "ls --watch shows everything, so %s is refused",
  async (...more) => {
    expect((await runPalaver(["ls", "--watch", ...more, "--url", replica.url])).exitCode).toBe(2);
  },
);

test("ls --watch says when there is no server", async () => {
  const { exitCode, stderr } = await runPalaver(["ls", "--watch", "--url", "http://127.0.0.1:1"]);
  expect(exitCode).toBe(3);
  expect(stderr).toContain("SERVER_UNREACHABLE");
});
