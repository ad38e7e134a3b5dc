import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { delta, message, queue, signal, status, textPart } from "../../src/cli/events.fixture.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import type { StreamEvent } from "../../src/gen/palaver/chat/v1/event_pb.js";
import { until } from "../kit/until.js";
import {
  type FakeMethods,
  refusal,
  response,
  startFakeChatServer,
  type SubscribeRequest,
  untilLeft,
} from "./fake-chat-server.js";
import { runPalaver, startPalaver } from "./run-palaver.js";

const chatId = "00000000-0000-4000-8000-000000000001";
const chat = { id: chatId, title: "hello", status: ChatStatus.RUNNING };
const hint = `Continue: npx palaver chat --chat ${chatId}`;

/** A server whose new chats have one user message, and whose subscriptions say this. */
function answering(...batches: StreamEvent[][]): FakeMethods {
  return {
    createChat: () => ({ chat, messages: [{ id: 1n, role: Role.USER, parts: [textPart("hello")] }] }),
    async *subscribe(_request, context) {
      for (const events of batches) yield response(...events);
      await untilLeft(context);
    },
  };
}

const answered = [message(2, Role.ASSISTANT, [textPart("Hello.")]), status("WAITING")];

describe("one thing", () => {
  test("is said, and the answer streamed until the chat is idle", async () => {
    await using server = await startFakeChatServer(
      answering(
        [status("RUNNING"), signal("caughtUp")],
        [delta(textPart("Hel"))],
        [delta(textPart("lo."))],
        answered,
      ),
    );
    const run = await runPalaver(["chat", "hello", "--url", server.url], { terminal: true });
    expect(run).toEqual({ exitCode: 0, stdout: "Hello.\n", stderr: `${hint} --url ${server.url}\n` });
  });

  test("asked for in a pipe gives the committed answer alone", async () => {
    await using server = await startFakeChatServer(
      answering(
        [status("RUNNING"), delta(textPart("Hi")), signal("previewReset"), signal("caughtUp")],
        answered,
      ),
    );
    const run = await runPalaver(["chat", "-"], { stdin: "hello\n", env: { PALAVER_URL: server.url } });
    expect(run).toEqual({ exitCode: 0, stdout: "Hello.\n", stderr: `${hint}\n` });
  });

  test("as JSON: the chat, then every event but keepalives", async () => {
    await using server = await startFakeChatServer(
      answering([status("RUNNING"), signal("keepalive"), signal("caughtUp")], answered),
    );
    const { stdout, exitCode } = await runPalaver(["chat", "hello", "--json", "--url", server.url]);
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(exitCode).toBe(0);
    expect(events.map((event) => Object.keys(event)[0])).toEqual([
      "chatUpdate",
      "status",
      "caughtUp",
      "message",
      "status",
    ]);
    expect(events[0]).toMatchObject({ chatUpdate: { chat: { id: chatId } } });
  });

  test("a failed turn exits with 1", async () => {
    await using server = await startFakeChatServer(answering([status("ERROR"), signal("caughtUp")]));
    expect((await runPalaver(["chat", "hello", "--url", server.url])).exitCode).toBe(1);
  });

  test("that nobody answers says so and exits with 1", async () => {
    await using server = await startFakeChatServer(
      answering([status("RUNNING"), signal("caughtUp")], [status("WAITING")]),
    );
    const run = await runPalaver(["chat", "hello", "--url", server.url], { terminal: true });
    expect(run).toMatchObject({ exitCode: 1, stdout: "[the turn ended without an answer]\n" });
  });

  test("whose answer somebody else interrupts exits with 1", async () => {
    await using server = await startFakeChatServer(
      answering(
        [status("RUNNING"), signal("caughtUp")],
        [message(2, Role.ASSISTANT, [textPart("Hel")], true), status("WAITING")],
      ),
    );
    const run = await runPalaver(["chat", "hello", "--url", server.url], { terminal: true });
    expect(run).toMatchObject({ exitCode: 1, stdout: "Hel\n[interrupted]\n" });
  });

  test("said to a chat that exists: with the token, and following from there", async () => {
    const subscribed: SubscribeRequest[] = [];
    await using server = await startFakeChatServer({
      getChat: () => ({ chat: { ...chat, status: ChatStatus.WAITING } }),
      sendMessage: ({ parts }) => ({ outcome: { case: "message", value: { id: 7n, parts } }, chat }),
      async *subscribe(request) {
        subscribed.push(request);
        yield response(
          status("WAITING"),
          message(8, Role.ASSISTANT, [textPart("Hello again.")]),
          signal("caughtUp"),
        );
        await Promise.resolve();
      },
    });
    const run = await runPalaver([
      "chat",
      "hello",
      "--chat",
      chatId,
      "--url",
      server.url,
      "--token",
      "plv_x",
    ]);
    expect(run.stdout).toBe("Hello again.\n");
    expect(subscribed[0]?.afterMessageId).toBe(7n);
    expect(new Set(server.calls.map(({ authorization }) => authorization))).toEqual(
      new Set(["Bearer plv_x"]),
    );
  });

  test("a message that has to wait is followed through the turns before it", async () => {
    await using server = await startFakeChatServer({
      getChat: () => ({ chat }),
      sendMessage: () => ({ outcome: { case: "queuedMessage", value: { id: 1n } }, chat }),
      async *subscribe({ afterMessageId }, context) {
        if (afterMessageId === 0n) {
          yield response(status("RUNNING"), message(1, Role.USER, [textPart("first")]), signal("caughtUp"));
        } else {
          yield response(status("RUNNING"), queue("hello"), signal("caughtUp"));
          yield response(
            message(2, Role.ASSISTANT, [textPart("One.")]),
            message(3, Role.USER, [textPart("hello")]),
            queue(),
          );
          yield response(message(4, Role.ASSISTANT, [textPart("Two.")]), status("WAITING"));
        }
        await untilLeft(context);
      },
    });
    const { stdout } = await runPalaver(["chat", "hello", "--chat", chatId, "--url", server.url], {
      terminal: true,
    });
    expect(stdout).toBe("[1 message waits in the queue]\nOne.\n› hello\nTwo.\n");
  });
});

describe("Ctrl-C", () => {
  test("interrupts the turn and waits for what is kept of it", async () => {
    let interrupted = (): void => undefined;
    const interrupt = new Promise<void>((resolve) => (interrupted = resolve));
    await using server = await startFakeChatServer({
      ...answering(),
      interruptChat: () => {
        interrupted();
        return { chat };
      },
      async *subscribe(_, context) {
        yield response(status("RUNNING"), signal("caughtUp"), delta(textPart("Hel")));
        await interrupt;
        yield response(message(2, Role.ASSISTANT, [textPart("Hel")], true), status("WAITING"));
        await untilLeft(context);
      },
    });
    const run = startPalaver(["chat", "hello", "--url", server.url], { terminal: true });
    await until(() => run.stdout().includes("Hel"), { what: "the beginning of the answer" });
    run.interrupt();
    expect(await run.exitCode).toBe(130);
    expect(run.stdout()).toBe("Hel\n— interrupting; Ctrl-C again leaves without waiting —\n[interrupted]\n");
  });

  test("twice leaves while the server has yet to answer the first, and complains of nothing", async () => {
    let asked = 0;
    await using server = await startFakeChatServer({
      ...answering([status("RUNNING"), signal("caughtUp"), delta(textPart("Hel"))]),
      interruptChat: async (_, context) => {
        asked += 1;
        await untilLeft(context);
        return { chat };
      },
    });
    const run = startPalaver(["chat", "hello", "--url", server.url], { terminal: true });
    await until(() => run.stdout().includes("Hel"), { what: "the beginning of the answer" });
    run.interrupt();
    run.interrupt();
    expect(await run.exitCode).toBe(130);
    expect(asked).toBe(1);
    expect(run.stdout()).toBe("Hel\n— interrupting; Ctrl-C again leaves without waiting —\n");
    expect(run.stderr()).toBe(`${hint} --url ${server.url}\n`);
  });

  test("twice leaves at once", async () => {
    await using server = await startFakeChatServer({
      ...answering([status("RUNNING"), signal("caughtUp"), delta(textPart("Hel"))]),
      interruptChat: () => ({ chat }),
    });
    const run = startPalaver(["chat", "hello", "--url", server.url], { terminal: true });
    await until(() => run.stdout().includes("Hel"), { what: "the beginning of the answer" });
    run.interrupt();
    run.interrupt();
    expect(await run.exitCode).toBe(130);
    expect(run.stderr()).toContain(hint);
  });
});

describe("a connection that breaks", () => {
  test("is made again, and the answer starts over if the server gives no cursors", async () => {
    const subscribed: SubscribeRequest[] = [];
    await using server = await startFakeChatServer({
      ...answering(),
      async *subscribe(request, context) {
        subscribed.push(request);
        if (subscribed.length === 1) {
          yield response(
            status("RUNNING"),
            signal("caughtUp"),
            message(2, Role.ASSISTANT, [textPart("One.")]),
            delta(textPart("Tw")),
          );
        } else {
          yield response(
            status("RUNNING"),
            message(2, Role.ASSISTANT, [textPart("One.")]),
            delta(textPart("Two")),
            signal("caughtUp"),
          );
          yield response(
            delta(textPart(".")),
            message(3, Role.ASSISTANT, [textPart("Two.")]),
            status("WAITING"),
          );
        }
        await untilLeft(context);
      },
    });
    const run = startPalaver(["chat", "hello", "--url", server.url], { terminal: true });
    await until(() => run.stdout().includes("Tw"), { what: "the beginning of the answer" });
    server.cutConnections();
    expect(await run.exitCode).toBe(0);
    expect(subscribed[1]?.afterMessageId).toBe(1n);
    expect(run.stdout()).toBe(
      "One.\nTw\n— connection lost, trying to reconnect —\n— reconnected, the answer starts over —\nTwo.\n",
    );
  });

  test("goes on exactly where it was if the server gives cursors", async () => {
    const subscribed: SubscribeRequest[] = [];
    await using server = await startFakeChatServer({
      ...answering(),
      async *subscribe(request, context) {
        subscribed.push(request);
        if (subscribed.length === 1) {
          yield { events: [status("RUNNING"), signal("caughtUp"), delta(textPart("Hel"))], cursor: "here" };
        } else {
          yield { events: [delta(textPart("lo.")), ...answered], cursor: "there" };
          yield { events: [signal("caughtUp")], cursor: "there" };
        }
        await untilLeft(context);
      },
    });
    const run = startPalaver(["chat", "hello", "--url", server.url], { terminal: true });
    await until(() => run.stdout().includes("Hel"), { what: "the beginning of the answer" });
    server.cutConnections();
    expect(await run.exitCode).toBe(0);
    expect(subscribed[1]).toMatchObject({ cursor: "here", afterMessageId: 0n });
    expect(run.stdout()).toBe("Hel\n— connection lost, trying to reconnect —\nlo.\n");
  });

  test("is not made again when the server refuses", async () => {
    await using server = await startFakeChatServer({
      ...answering(),
      async *subscribe() {
        await Promise.resolve();
        throw refusal(Code.Unauthenticated, "CREDENTIAL_REVOKED", "The API token was revoked.");
      },
    });
    const run = await runPalaver(["chat", "hello", "--url", server.url]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain("The API token was revoked. [CREDENTIAL_REVOKED]");
  });
});

describe("a conversation", () => {
  test("begins with the first message, queues what is typed during an answer, and ends with /quit", async () => {
    const sent: string[] = [];
    let queued = (): void => undefined;
    const isQueued = new Promise<void>((resolve) => (queued = resolve));
    await using server = await startFakeChatServer({
      createChat: () => ({ chat, messages: [{ id: 1n, role: Role.USER }] }),
      sendMessage: ({ parts }) => {
        const [part] = parts;
        if (part?.kind.case === "text") sent.push(part.kind.value.text);
        queued();
        return { outcome: { case: "queuedMessage", value: { id: 1n } }, chat };
      },
      async *subscribe(_, context) {
        yield response(status("RUNNING"), signal("caughtUp"), delta(textPart("One")));
        await isQueued;
        yield response(queue("second"), message(2, Role.ASSISTANT, [textPart("One.")]));
        yield response(
          message(3, Role.USER, [textPart("second")]),
          queue(),
          message(4, Role.ASSISTANT, [textPart("Two.")]),
        );
        yield response(status("WAITING"));
        await untilLeft(context);
      },
    });
    const run = startPalaver(["chat", "--url", server.url], { terminal: true });
    await until(() => run.stdout().includes("› "), { what: "the prompt" });
    run.type("first\r");
    await until(() => run.stdout().includes("One"), { what: "the answer" });
    run.type("second\r");
    await until(() => run.stdout().includes("Two."), { what: "the second answer" });
    run.type("/quit\r");
    expect(await run.exitCode).toBe(0);
    expect(sent).toEqual(["second"]);
    expect(run.stderr()).toContain(hint);
  });

  test("that is taken up again shows the last exchange", async () => {
    await using server = await startFakeChatServer(
      answering([
        status("WAITING"),
        message(1, Role.USER, [textPart("old question")]),
        message(2, Role.ASSISTANT, [textPart("old answer")]),
        message(3, Role.USER, [textPart("question")]),
        message(4, Role.ASSISTANT, [textPart("answer")]),
        signal("caughtUp"),
      ]),
    );
    const run = startPalaver(["chat", "--chat", chatId, "--url", server.url], { terminal: true });
    await until(() => run.stdout().includes("answer\n"), { what: "the last exchange" });
    run.type("\u0004");
    expect(await run.exitCode).toBe(0);
    expect(run.stdout()).toContain(`— 2 earlier: npx palaver show ${chatId} —\n› question\nanswer\n`);
    expect(run.stdout()).not.toContain("old");
  });

  test("goes on after the server has refused a message", async () => {
    await using server = await startFakeChatServer({
      createChat: () => {
        throw refusal(Code.InvalidArgument, "UNKNOWN_MODEL", "There is no such model.");
      },
    });
    const run = startPalaver(["chat", "--model", "a/b", "--url", server.url], { terminal: true });
    await until(() => run.stdout().includes("› "), { what: "the prompt" });
    run.type("hello\r");
    await until(() => run.stdout().includes("[UNKNOWN_MODEL]"), { what: "the refusal" });
    run.type("\u0003");
    expect(await run.exitCode).toBe(130);
  });

  test("needs a terminal", async () => {
    expect(await runPalaver(["chat"], { env: { PALAVER_URL: "http://127.0.0.1:1" } })).toMatchObject({
      exitCode: 2,
      stdout: "",
    });
  });
});
