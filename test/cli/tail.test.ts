import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { delta, message, queue, signal, status, textPart } from "../../src/cli/events.fixture.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { until } from "../kit/until.js";
import { refusal, startFakeChatServer, type SubscribeRequest, untilLeft } from "./fake-chat-server.js";
import { runPalaver, startPalaver } from "./run-palaver.js";

const chatId = "00000000-0000-4000-8000-000000000001";
const question = message(1, Role.USER, [textPart("Who?")]);
const answer = message(2, Role.ASSISTANT, [textPart("Me.")]);

/** A server whose first subscription ends in the middle of an answer, and whose second one has the rest. */
function startCuttingServer() {
  const subscribed: SubscribeRequest[] = [];
  return startFakeChatServer({
    async *subscribe(request, context) {
      subscribed.push(request);
      if (subscribed.length === 1) {
        yield { events: [status("RUNNING"), question, queue(), signal("caughtUp")], cursor: "a" };
        yield { events: [delta(textPart("M"))], cursor: "b" };
        throw refusal(Code.Unavailable, "SHUTTING_DOWN", "This server shuts down.");
      }
      yield { events: [signal("caughtUp"), signal("keepalive")], cursor: "b" };
      yield { events: [delta(textPart("e.")), answer, status("WAITING")], cursor: "c" };
      yield { events: [signal("keepalive")], cursor: "c" };
      await untilLeft(context);
    },
  }).then((server) => Object.assign(server, { subscribed }));
}

const cutAndBack =
  "— connection cut: This server shuts down [SHUTTING_DOWN]; trying again —\n— connected again —\n";

test("the chat is printed and gone on with, each thing once, across a cut that standard error tells of", async () => {
  await using server = await startCuttingServer();
  const run = startPalaver(["tail", chatId, "--url", server.url]);
  await until(() => run.stdout().includes("Me."), { what: "the answer" });
  run.interrupt();
  expect(await run.exitCode).toBe(130);
  expect(run.stdout()).toBe("Me.\n");
  expect(run.stderr()).toBe(`› Who?\n${cutAndBack}`);
  expect(server.subscribed.map(({ cursor }) => cursor)).toEqual(["", "b"]);
});

test("at a terminal the answer is printed while it is generated", async () => {
  await using server = await startCuttingServer();
  const run = startPalaver(["tail", chatId, "--url", server.url], { terminal: true });
  await until(() => run.stdout().includes("e."), { what: "the answer" });
  run.interrupt();
  await run.exitCode;
  expect(run.stdout()).toBe("› Who?\nM\ne.\n");
  expect(run.stderr()).toBe(cutAndBack);
});

test("as JSON: an event a line, those that came together with the cursor at their end, from which another run goes on", async () => {
  await using server = await startCuttingServer();
  const run = startPalaver(["tail", chatId, "--json", "--from", "before", "--url", server.url]);
  await until(() => run.stdout().includes('"cursor":"c"'), { what: "the last event" });
  run.interrupt();
  await run.exitCode;
  const lines = run
    .stdout()
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text) as { event: Record<string, unknown>; cursor?: string });
  expect(lines.map(({ event, cursor }) => [Object.keys(event)[0], cursor])).toEqual([
    ["status", undefined],
    ["message", undefined],
    ["queueUpdate", undefined],
    ["caughtUp", "a"],
    ["messagePart", "b"],
    ["caughtUp", "b"],
    ["messagePart", undefined],
    ["message", undefined],
    ["status", "c"],
  ]);
  expect(run.stderr()).toBe(cutAndBack);
  expect(server.subscribed[0]?.cursor).toBe("before");
});

test("a position that the server does not know is said, and everything told from the beginning", async () => {
  await using server = await startFakeChatServer({
    async *subscribe({ cursor }, context) {
      if (cursor !== "") throw refusal(Code.InvalidArgument, "INVALID_CURSOR", "No.");
      yield { events: [status("WAITING"), signal("caughtUp")], cursor: "a" };
      await untilLeft(context);
    },
  });
  const run = startPalaver(["tail", chatId, "--json", "--from", "old", "--url", server.url]);
  await until(() => run.stdout().includes("caughtUp"), { what: "the state" });
  run.interrupt();
  await run.exitCode;
  expect(run.stdout()).toBe(
    '{"reset":"invalid_cursor"}\n{"event":{"status":{"status":"CHAT_STATUS_WAITING"}}}\n{"event":{"caughtUp":{}},"cursor":"a"}\n',
  );
  expect(run.stderr()).toBe("— everything from the beginning: the server does not know the position —\n");
});

test("a stream that the server ends for good is said to have ended", async () => {
  let count = 0;
  await using server = await startFakeChatServer({
    async *subscribe() {
      count += 1;
      if (count === 1) yield { events: [status("WAITING"), signal("caughtUp")], cursor: "a" };
      throw refusal(Code.NotFound, "CHAT_NOT_FOUND", "There is no such chat.");
    },
  });
  const { exitCode, stderr } = await runPalaver(["tail", chatId, "--url", server.url]);
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    "— the server has ended the stream —\nerror: There is no such chat. [CHAT_NOT_FOUND]\n  `npx palaver ls` lists your chats.\n",
  );
});

test("a chat that was never there is not said to have ended", async () => {
  await using server = await startFakeChatServer({
    async *subscribe() {
      throw refusal(Code.NotFound, "CHAT_NOT_FOUND", "There is no such chat.");
    },
  });
  const { exitCode, stderr } = await runPalaver(["tail", chatId, "--url", server.url]);
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    "error: There is no such chat. [CHAT_NOT_FOUND]\n  `npx palaver ls` lists your chats.\n",
  );
});

test("a server that was never there is not waited for", async () => {
  const { exitCode, stderr } = await runPalaver(["tail", chatId, "--url", "http://127.0.0.1:1"]);
  expect(exitCode).toBe(3);
  expect(stderr).toContain("[SERVER_UNREACHABLE]");
});
