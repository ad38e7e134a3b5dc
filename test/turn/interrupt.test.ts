import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { WhenBusy } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { defineTool } from "../../src/tools/index.js";
import {
  gate,
  httpError,
  type ProviderServer,
  type ProviderStep,
  reasoning,
  startProviderServer,
  text,
  toolCall,
} from "../kit/provider-server/index.js";
import { newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { describePart, joinDeltas, textOf } from "../kit/watch.js";

const providers = ["openai", "openai-chat", "anthropic", "google", "openai-compatible"] as const;

/** A tool that runs until it is told to end, one way or the other; tells the test when it runs and when it was stopped. */
const running = new Map<string, { finish: () => void; aborted: Promise<void> }>();
let announce: (key: string) => void = () => undefined;
const slow = defineTool({
  name: "slow",
  description: "Takes its time",
  input: z.object({ key: z.string() }),
  idempotent: false,
  run: ({ key }, { signal }) =>
    new Promise((resolve) => {
      const aborted = new Promise<void>((stopped) => {
        signal.addEventListener("abort", () => stopped());
      });
      running.set(key, { finish: () => resolve(`${key} is done`), aborted });
      announce(key);
    }),
});

function started(count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    announce = () => {
      left -= 1;
      if (left === 0) resolve();
    };
  });
}

let server: ProviderServer;
let replica: TestReplica;
beforeAll(async () => {
  server = await startProviderServer();
  replica = await startTestReplica({ providers: server, tools: [slow] });
});
afterAll(async () => {
  await replica[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

interface Case {
  readonly where: string;
  readonly steps: readonly ProviderStep[];
  /** What is committed, part by part. */
  readonly partial: readonly string[];
  readonly results: number;
}

const cases: readonly Case[] = [
  {
    where: "text",
    steps: [text("Once upon ", { chunk: 3 }), gate("here"), text("a time")],
    partial: ["text: Once upon "],
    results: 0,
  },
  {
    where: "reasoning",
    steps: [reasoning("First, ", { chunk: 3 }), gate("here"), reasoning("second")],
    partial: ["reasoning: First, "],
    results: 0,
  },
  {
    where: "tool arguments",
    steps: [text("I look."), toolCall("slow", { key: "never" }, { gate: "here" })],
    partial: ["text: I look.", "call slow "],
    results: 1,
  },
];

describe.each(providers)("an interrupt in the middle of a turn through %s", (provider) => {
  // Chat Completions shows no reasoning: there is nothing to interrupt in.
  const possible = cases.filter(({ where }) => !(provider === "openai-chat" && where === "reasoning"));
  it.each(possible)(
    "in $where commits what was shown, and the next turn works",
    async ({ where, steps, partial, results }) => {
      // Google sends calls whole: there is nothing in the middle.
      const callsComeWhole = provider === "google" && where === "tool arguments";
      const script = await server.script(steps, [text("I am back.")]);
      const chatId = await newChat(replica.client, `${provider}/${script.model}`);
      const watch = replica.watch(chatId);
      await watch.event("caughtUp");
      await replica.client.sendMessage({ chatId, parts: says("go") });
      await script.reached("here");
      const expected = callsComeWhole ? ["text: I look."] : partial;
      await watch.until("all that was streamed", () => {
        const shown = joinDeltas(watch.all("messagePart"));
        return shown.length === expected.length &&
          expected.every((part, index) => shown[index]?.startsWith(part))
          ? true
          : undefined;
      });
      const mark = watch.mark;
      const { chat } = await replica.client.interruptChat({ chatId });
      expect(chat?.status).toBe(ChatStatus.INTERRUPTING);
      await watch.status(ChatStatus.WAITING, mark);
      expect(await script.ended(0)).toBe("aborted by client");

      const [, answer, tool] = watch.messages();
      expect(answer).toMatchObject({ role: Role.ASSISTANT, interrupted: true });
      expect((answer?.parts ?? []).map(describePart)).toEqual(expected);
      expect(tool === undefined ? 0 : tool.parts.length).toBe(callsComeWhole ? 0 : results);
      expect(watch.events.slice(mark).some((event) => event.case === "previewReset")).toBe(false);

      const again = watch.mark;
      await replica.client.sendMessage({ chatId, parts: says("and now?") });
      await watch.status(ChatStatus.WAITING, again);
      expect(textOf(watch.messages().at(-1))).toBe("I am back.");
      expect(await script.ended(1)).toBe("completed");
    },
  );

  it("before the first word leaves no message (INT-6)", async () => {
    const script = await server.script([gate("here"), text("never")]);
    const chatId = await newChat(replica.client, `${provider}/${script.model}`, "go");
    const watch = replica.watch(chatId);
    await script.reached("here");
    await replica.client.interruptChat({ chatId });
    await watch.status(ChatStatus.WAITING);
    expect(watch.messages().map((message) => message.role)).toEqual([Role.USER]);
    expect(await script.ended(0)).toBe("aborted by client");
  });
});

describe("an interrupt of running tools", () => {
  it("keeps the results that are there and closes the other calls (INT-2, INT-3)", async () => {
    const script = await server.script(
      [toolCall("slow", { key: "quick" }), toolCall("slow", { key: "endless" })],
      [text("fine")],
    );
    const both = started(2);
    const chatId = await newChat(replica.client, `openai-chat/${script.model}`, "go");
    const watch = replica.watch(chatId);
    await both;
    running.get("quick")?.finish();
    await watch.event("messagePart", ({ part }) => part?.kind.case === "toolResult");
    await replica.client.interruptChat({ chatId });
    await watch.status(ChatStatus.WAITING);
    await running.get("endless")?.aborted;

    const results = watch.messages().at(-1);
    expect(results).toMatchObject({ role: Role.TOOL, interrupted: true });
    expect((results?.parts ?? []).map(describePart)).toEqual([
      'result slow {"output":"quick is done"}',
      'result slow {"error":"The tool call was interrupted by the user."}',
    ]);

    const mark = watch.mark;
    await replica.client.sendMessage({ chatId, parts: says("go on") });
    await watch.status(ChatStatus.WAITING, mark);
    const [, second] = await script.requests();
    expect(JSON.stringify(second?.body)).toContain("interrupted by the user");
    expect(textOf(watch.messages().at(-1))).toBe("fine");
  });
});

describe("an interrupt", () => {
  it("by a message puts the partial before it, live and after a reload (INT-4)", async () => {
    const script = await server.script([text("Once upon"), gate("here"), text("a time")], [text("Sure.")]);
    const chatId = await newChat(replica.client, `anthropic/${script.model}`, "tell me a story");
    const watch = replica.watch(chatId);
    await watch.event("messagePart");
    await script.reached("here");
    const { outcome } = await replica.client.sendMessage({
      chatId,
      parts: says("no, stop"),
      whenBusy: WhenBusy.INTERRUPT,
    });
    expect(outcome.case).toBe("queuedMessage");
    await watch.status(ChatStatus.WAITING);
    const said = watch
      .messages()
      .map((message) => [Role[message.role], message.interrupted, textOf(message)]);
    expect(said).toEqual([
      ["USER", false, "tell me a story"],
      ["ASSISTANT", true, "Once upon"],
      ["USER", false, "no, stop"],
      ["ASSISTANT", false, "Sure."],
    ]);
    const { messages } = await replica.client.listMessages({ chatId });
    expect(messages).toEqual(watch.messages());
    const ids = watch.all("message").map(({ message }) => message?.id ?? 0n);
    expect(ids).toEqual(ids.toSorted((a, b) => Number(a - b)));
  });

  it("of an idle chat is refused, and twice is once (INT-5, INT-6)", async () => {
    const script = await server.script([text("Once"), gate("here")], []);
    const chatId = await newChat(replica.client, `anthropic/${script.model}`, "go");
    const watch = replica.watch(chatId);
    await watch.event("messagePart");
    await Promise.all([replica.client.interruptChat({ chatId }), replica.client.interruptChat({ chatId })]);
    await watch.status(ChatStatus.WAITING);
    expect(watch.messages()).toHaveLength(2);
    await expect(replica.client.interruptChat({ chatId })).rejects.toMatchObject({ code: 9 });
  });

  it("that races the end of a turn gives one of the two, never both (INT-5)", async () => {
    for (let round = 0; round < 12; round += 1) {
      const script = await server.script([text("almost"), gate("end")]);
      const chatId = await newChat(replica.client, `openai-chat/${script.model}`, "go");
      const watch = replica.watch(chatId);
      await watch.event("messagePart");
      await script.reached("end");
      let accepted = false;
      const interrupt = async (): Promise<void> => {
        accepted = await replica.client.interruptChat({ chatId }).then(
          () => true,
          () => false,
        );
      };
      await Promise.all(
        round % 2 === 0 ? [script.open("end"), interrupt()] : [interrupt(), script.open("end")],
      );
      await watch.status(ChatStatus.WAITING);
      const answers = watch.messages().filter((message) => message.role === Role.ASSISTANT);
      expect(answers.map(textOf)).toEqual(["almost"]);
      // Only an interrupt that was accepted marks the answer; one that came after the commit finds nothing to mark.
      if (answers[0]?.interrupted === true) expect(accepted).toBe(true);
    }
  });

  it("while a failed attempt waits ends the wait at once (RETRY-7)", async () => {
    const script = await server.script([httpError(503, "busy", { headers: { "retry-after": "3600" } })]);
    const chatId = await newChat(replica.client, `anthropic/${script.model}`, "go");
    const watch = replica.watch(chatId);
    const { retry } = await watch.event("retry");
    expect(retry?.delayMs).toBe(3_600_000n);
    await replica.client.interruptChat({ chatId });
    await watch.status(ChatStatus.WAITING);
    expect(watch.messages()).toHaveLength(1);
  });
});
