import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { WhenBusy } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { engines } from "../kit/databases.js";
import {
  gate,
  httpError,
  type ProviderServer,
  type ProviderStep,
  startProviderServer,
  text,
} from "../kit/provider-server/index.js";
import { newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { textOf, type Watch } from "../kit/watch.js";

describe.each(engines)("on %s", (engine) => {
  let server: ProviderServer;
  let replica: TestReplica;
  beforeAll(async () => {
    server = await startProviderServer();
    replica = await startTestReplica({ engine, providers: server });
  });
  afterAll(async () => {
    await replica[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** A chat whose first turn stands at the gate "here", and more answers for what comes after. */
  async function busyChat(...answers: (readonly ProviderStep[])[]) {
    const script = await server.script([text("first"), gate("here")], ...answers);
    const chatId = await newChat(replica.client, `openai-chat/${script.model}`, "zero");
    // The turn is under way before anybody watches: a subscription that began while nobody had the chat would see PENDING first.
    await script.reached("here");
    const watch = replica.watch(chatId);
    await watch.event("caughtUp");
    await watch.event("messagePart");
    const queue = async (said: string): Promise<bigint> => {
      const { outcome } = await replica.client.sendMessage({ chatId, parts: says(said) });
      if (outcome.case !== "queuedMessage") throw new Error("it was not queued");
      return outcome.value.id;
    };
    return { script, chatId, watch, queue };
  }

  const conversation = (watch: Watch): string[] =>
    watch.messages().map((message) => `${Role[message.role]} ${textOf(message)}`);
  const queues = (watch: Watch): string[][] => watch.all("queueUpdate").map(({ queue }) => queue.map(textOf));
  /** Resolves when the watch shows this queue: nobody has to be shown one that is gone when they look. */
  const queueShown = (watch: Watch, said: readonly string[]): Promise<true> =>
    watch.until(`the queue [${said.join(", ")}]`, () =>
      isDeepStrictEqual(queues(watch).at(-1), said) ? true : undefined,
    );

  describe("messages that are sent while a turn runs", () => {
    it("run in order, one turn each, and every change of the queue is told whole", async () => {
      const { script, watch, queue } = await busyChat(
        ...["1", "2", "3"].map((answer) => [text(answer), gate(answer)]),
      );
      const said = ["one", "two", "three"];
      for (const [index, next] of said.entries()) {
        await queue(next);
        await queueShown(watch, said.slice(0, index + 1));
      }
      await script.open("here");
      for (const answer of [1, 2, 3]) {
        await queueShown(watch, said.slice(answer));
        await script.open(`${answer}`);
      }
      await watch.status(ChatStatus.WAITING);
      expect(conversation(watch)).toEqual([
        ...["USER zero", "ASSISTANT first", "USER one", "ASSISTANT 1"],
        ...["USER two", "ASSISTANT 2", "USER three", "ASSISTANT 3"],
      ]);
      expect(queues(watch)).toEqual([
        [],
        ["one"],
        ["one", "two"],
        ["one", "two", "three"],
        ["two", "three"],
        ["three"],
        [],
      ]);
      expect(watch.shape().filter((kind) => kind.startsWith("status"))).toEqual([
        "status RUNNING",
        "status WAITING",
      ]);
    });

    it("can be deleted once, and then never run", async () => {
      const { script, chatId, watch, queue } = await busyChat([text("2")]);
      const one = await queue("one");
      await queue("two");
      await replica.client.deleteQueuedMessage({ chatId, queuedMessageId: one });
      await expect(
        replica.client.deleteQueuedMessage({ chatId, queuedMessageId: one }),
      ).rejects.toMatchObject({ code: 5 });
      await script.open("here");
      await watch.status(ChatStatus.WAITING);
      expect(conversation(watch)).toEqual(["USER zero", "ASSISTANT first", "USER two", "ASSISTANT 2"]);
    });

    it("can be promoted: the turn is interrupted, its partial kept, the others keep their order", async () => {
      const { script, chatId, watch, queue } = await busyChat(
        ...["3", "1", "2"].map((answer) => [text(answer), gate(answer)]),
      );
      await queue("one");
      await queue("two");
      const three = await queue("three");
      await queueShown(watch, ["one", "two", "three"]);
      await replica.client.promoteQueuedMessage({ chatId, queuedMessageId: three });
      await queueShown(watch, ["one", "two"]);
      await script.open("3");
      await queueShown(watch, ["two"]);
      await script.open("1");
      await queueShown(watch, []);
      await script.open("2");
      await watch.status(ChatStatus.WAITING);
      expect(conversation(watch)).toEqual([
        ...["USER zero", "ASSISTANT first", "USER three", "ASSISTANT 3"],
        ...["USER one", "ASSISTANT 1", "USER two", "ASSISTANT 2"],
      ]);
      expect(watch.messages()[1]?.interrupted).toBe(true);
    });

    // The embedded database has one replica only.
    if (engine === "postgres") {
      it("can be promoted: that one is the first of the queue until the worker has heard of it", async () => {
        // Without NATS it hears of what another replica did when it polls.
        await using deaf = await startTestReplica({ providers: server, env: { PALAVER_POLL: "10m" } });
        const env = { ...deaf.env, PALAVER_CONCURRENT_TURNS: "0" };
        await using other = await startTestReplica({ providers: server, env });
        const script = await server.script([text("first"), gate("here")]);
        const chatId = await newChat(deaf.client, `openai-chat/${script.model}`, "zero");
        await script.reached("here");
        const watch = other.watch(chatId);
        let queuedMessageId = 0n;
        for (const said of ["one", "two", "three"]) {
          const { outcome } = await other.client.sendMessage({ chatId, parts: says(said) });
          queuedMessageId = outcome.value?.id ?? 0n;
        }
        await queueShown(watch, ["one", "two", "three"]);
        await other.client.promoteQueuedMessage({ chatId, queuedMessageId });
        await watch.status(ChatStatus.INTERRUPTING);
        expect(queues(watch).at(-1)).toEqual(["three", "one", "two"]);
      });
    }

    it("are refused where the client says so, and when twenty wait already", async () => {
      const { script, chatId, watch, queue } = await busyChat(
        ...Array.from({ length: 20 }, () => [text("ok")]),
      );
      await expect(
        replica.client.sendMessage({ chatId, parts: says("now or never"), whenBusy: WhenBusy.REJECT }),
      ).rejects.toMatchObject({ code: 9 });
      for (let index = 0; index < 20; index += 1) await queue(`message ${index}`);
      await expect(queue("one too many")).rejects.toMatchObject({ code: 8 });
      await script.open("here");
      await watch.status(ChatStatus.WAITING);
      expect(watch.messages()).toHaveLength(42);
    });

    it("are held when the turn fails, and go on with the next message", async () => {
      const { script, chatId, watch, queue } = await busyChat(
        [httpError(400, "no such luck")],
        [text("2")],
        [text("3")],
      );
      await queue("one");
      await queue("two");
      await script.open("here");
      await watch.status(ChatStatus.ERROR);
      expect(queues(watch).at(-1)).toEqual(["two"]);
      const mark = watch.mark;
      await queue("three");
      await watch.status(ChatStatus.WAITING, mark);
      expect(conversation(watch)).toEqual([
        ...[
          "USER zero",
          "ASSISTANT first",
          "USER one",
          "USER two",
          "ASSISTANT 2",
          "USER three",
          "ASSISTANT 3",
        ],
      ]);
      expect((await replica.client.getChat({ chatId })).chat?.error).toBeUndefined();
    });
  });

  describe("an edit", () => {
    it("of an idle chat hides what followed and answers anew", async () => {
      const script = await server.script([text("first")], [text("second")], [text("rewritten")]);
      const chatId = await newChat(replica.client, `anthropic/${script.model}`, "one");
      const watch = replica.watch(chatId);
      await watch.status(ChatStatus.WAITING);
      await replica.client.sendMessage({ chatId, parts: says("two") });
      await watch.until("the second answer", () => (conversation(watch).length === 4 ? true : undefined));
      await watch.status(ChatStatus.WAITING, watch.mark - 1);
      const before = watch.messages();
      const mark = watch.mark;
      const { message } = await replica.client.editMessage({
        chatId,
        messageId: before[2]?.id ?? 0n,
        parts: says("deux"),
      });
      await watch.status(ChatStatus.WAITING, mark);
      expect(conversation(watch)).toEqual([
        "USER one",
        "ASSISTANT first",
        "USER deux",
        "ASSISTANT rewritten",
      ]);
      // The messages before it keep id and revision; the new one has a new id.
      expect(watch.messages().slice(0, 2)).toEqual(before.slice(0, 2));
      expect(message?.id).toBeGreaterThan(before.at(-1)?.id ?? 0n);
      const reset = watch.events.findIndex((event) => event.case === "historyReset");
      expect(reset).toBeGreaterThanOrEqual(mark);
      const { messages } = await replica.client.listMessages({ chatId });
      expect(messages).toEqual(watch.messages());
      const [, , third] = await script.requests();
      const told = JSON.stringify(third?.body);
      expect(told).toContain("deux");
      expect(told).not.toContain("second");
    });

    it("of a running chat discards the partial, silences the old episode and empties the queue (INT-7)", async () => {
      const { script, chatId, watch, queue } = await busyChat([text("anew"), gate("anew")]);
      await queue("one");
      await queueShown(watch, ["one"]);
      const mark = watch.mark;
      await replica.client.editMessage({
        chatId,
        messageId: watch.messages()[0]?.id ?? 0n,
        parts: says("rather"),
      });
      await watch.event("messagePart", () => true, mark);
      await script.open("anew");
      await watch.status(ChatStatus.WAITING, mark);
      expect(await script.ended(0)).toBe("aborted by client");
      expect(conversation(watch)).toEqual(["USER rather", "ASSISTANT anew"]);
      expect(queues(watch).at(-1)).toEqual([]);
      const kinds = watch.events.slice(mark).map((event) => event.case);
      expect(kinds.indexOf("previewReset")).toBeLessThan(kinds.indexOf("historyReset"));
      const texts = watch.events
        .slice(mark)
        .flatMap((event) => (event.case === "messagePart" ? [event.value.part] : []));
      expect(texts.map((part) => (part?.kind.case === "text" ? part.kind.value.text : ""))).toEqual(["anew"]);
    });

    it("is refused for answers and for messages that are not there", async () => {
      const script = await server.script([text("first")]);
      const chatId = await newChat(replica.client, `anthropic/${script.model}`, "one");
      const watch = replica.watch(chatId);
      await watch.status(ChatStatus.WAITING);
      const answer = watch.messages()[1]?.id ?? 0n;
      await expect(
        replica.client.editMessage({ chatId, messageId: answer, parts: says("x") }),
      ).rejects.toMatchObject({ code: 9 });
      await expect(
        replica.client.editMessage({ chatId, messageId: 99n, parts: says("x") }),
      ).rejects.toMatchObject({ code: 5 });
    });
  });

  describe("a failing model", () => {
    it("is tried again, with a notice of each wait and a fresh preview (RETRY-3, RETRY-5, STREAM-9)", async () => {
      const script = await server.script(
        [text("half an ans"), gate("here"), { kind: "eof" }],
        [text("a whole answer"), gate("whole")],
      );
      const chatId = await newChat(replica.client, `anthropic/${script.model}`, "go");
      const watch = replica.watch(chatId);
      await watch.event("messagePart");
      await script.open("here");
      const { retry } = await watch.event("retry");
      await watch.event("messagePart", ({ episode }) => episode?.generationAttempt === 2);
      await script.open("whole");
      await watch.status(ChatStatus.WAITING);
      expect(retry).toMatchObject({
        attempt: 1,
        delayMs: 1_000n,
        error: { retryable: true, provider: "anthropic" },
      });
      expect(conversation(watch)).toEqual(["USER go", "ASSISTANT a whole answer"]);
      const attempts = watch.events
        .map((event, index) => ({ event, index }))
        .filter(({ event }) => event.case === "messagePart");
      const between = watch.events
        .slice(attempts[0]?.index, attempts.at(-1)?.index)
        .map((event) => event.case);
      expect(between).toContain("previewReset");
    });

    it("that cannot succeed ends the turn in an error that reads the same live, from GetChat and in a new snapshot (ERR-2)", async () => {
      const script = await server.script([httpError(401, "invalid x-api-key sk-ant-secret123456789")]);
      const chatId = await newChat(replica.client, `anthropic/${script.model}`);
      const watch = replica.watch(chatId);
      await watch.event("caughtUp");
      await replica.client.sendMessage({ chatId, parts: says("go") });
      await watch.status(ChatStatus.ERROR);
      const { error } = await watch.event("error");
      const { chat } = await replica.client.getChat({ chatId });
      const later = replica.watch(chatId);
      await later.event("caughtUp");
      expect(chat?.error).toEqual(error);
      expect((await later.event("error")).error).toEqual(error);
      expect(error).toMatchObject({ retryable: false, provider: "anthropic", statusCode: 401 });
      expect(JSON.stringify({ ...error, kind: 0 })).not.toContain("sk-ant-secret");
      const kinds = watch.shape();
      expect(kinds.indexOf("error")).toBeLessThan(kinds.indexOf("status ERROR"));
    });
  });
});
