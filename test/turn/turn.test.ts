import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { type Message, Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { defineTool } from "../../src/tools/index.js";
import { engines } from "../kit/databases.js";
import {
  gate,
  type ProviderServer,
  reasoning,
  startProviderServer,
  text,
  toolCall,
} from "../kit/provider-server/index.js";
import { newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { describePart, joinDeltas } from "../kit/watch.js";

const providers = ["openai", "openai-chat", "anthropic", "google", "openai-compatible"] as const;

const lookup = defineTool({
  name: "lookup",
  description: "Looks something up",
  input: z.object({ key: z.string() }),
  idempotent: true,
  run: ({ key }) => Promise.resolve({ key, found: true }),
});

describe.each(engines)("a turn on %s", (engine) => {
  let server: ProviderServer;
  let replica: TestReplica;

  beforeAll(async () => {
    server = await startProviderServer();
    replica = await startTestReplica({ engine, providers: server, tools: [lookup] });
  });
  afterAll(async () => {
    await replica[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it.each(providers)(
    "through %s commits what was said: reasoning, two tools at once, their results, an answer",
    async (provider) => {
      const thinks = provider !== "openai-chat";
      const script = await server.script(
        [
          ...(thinks ? [reasoning("Two things to look up.", { chunk: 5, signature: "c2lnbmVk" })] : []),
          text("Let me look. 🙂", { chunk: 4 }),
          toolCall("lookup", { key: "a" }, { chunk: 3 }),
          toolCall("lookup", { key: "b" }, { chunk: 3 }),
          gate("first"),
        ],
        [text("Both were ", { chunk: 2 }), text("found."), gate("second")],
      );
      const chatId = await newChat(replica.client, `${provider}/${script.model}`);
      const watch = replica.watch(chatId);
      await watch.event("caughtUp");
      const mark = watch.mark;
      await replica.client.sendMessage({ chatId, parts: says("look a and b up") });
      // Nobody has to be shown deltas whom they reach after the commit.
      for (const [name, last] of [
        ["first", 'call lookup {"key":"b"}'],
        ["second", "text: Both were found."],
      ] as const) {
        await watch.until(`all of the ${name} step`, () => watch.running().at(-1) === last || undefined);
        await script.open(name);
      }
      await watch.status(ChatStatus.WAITING, mark);

      const { messages } = await replica.client.listMessages({ chatId });
      expect(messages.map((message) => message.role)).toEqual([
        Role.USER,
        Role.ASSISTANT,
        Role.TOOL,
        Role.ASSISTANT,
      ]);
      expect(describe_(messages[1])).toEqual([
        ...(thinks ? ["reasoning: Two things to look up."] : []),
        "text: Let me look. 🙂",
        'call lookup {"key":"a"}',
        'call lookup {"key":"b"}',
      ]);
      expect(describe_(messages[2])).toEqual([
        'result lookup {"key":"a","found":true}',
        'result lookup {"key":"b","found":true}',
      ]);
      expect(describe_(messages[3])).toEqual(["text: Both were found."]);
      expect(messages[1]?.usage?.outputTokens).toBeGreaterThan(0n);

      // The deltas join to what was committed, step by step (STREAM-5, 7, 8).
      for (const message of messages.slice(1)) {
        const at = watch.events.findIndex(
          (event) => event.case === "message" && event.value.message?.id === message.id,
        );
        const before = watch.events
          .slice(0, at)
          .flatMap((event) => (event.case === "messagePart" ? [event.value] : []))
          .filter(({ role }) => role === message.role);
        const episode = before.at(-1)?.episode;
        const deltas = before.filter(
          (delta) =>
            delta.episode?.historyVersion === episode?.historyVersion &&
            delta.episode?.generationAttempt === episode?.generationAttempt,
        );
        // Results that are all there at once may be committed before anybody was shown them: then what was shown is of them.
        if (message.role === Role.TOOL && deltas.length < 2) {
          expect(describe_(message)).toEqual(expect.arrayContaining(joinDeltas(deltas)));
          continue;
        }
        expect(deltas.map((delta) => delta.firstSeq)).toEqual([
          1n,
          ...deltas.slice(0, -1).map((delta) => delta.seq + 1n),
        ]);
        expect(joinDeltas(deltas).toSorted()).toEqual(describe_(message).toSorted());
        expect(
          watch.events
            .slice(at)
            .some((event) => event.case === "messagePart" && event.value.episode === episode),
        ).toBe(false);
      }
      // Idle comes last (STREAM-10).
      expect(watch.shape().at(-1)).toBe("status WAITING");
      expect(watch.messages()).toEqual(messages);

      // The second call told the model everything, results included.
      const [, second] = await script.requests();
      const told = JSON.stringify(second?.body);
      for (const said of ["look a and b up", "Let me look. 🙂", "found"]) expect(told).toContain(said);
    },
  );

  it("goes on in the same chat, with all of it in the prompt", async () => {
    const script = await server.script([text("first answer")], [text("second answer")]);
    const chatId = await newChat(replica.client, `anthropic/${script.model}`, "first question");
    const watch = replica.watch(chatId);
    await watch.status(ChatStatus.WAITING);
    const mark = watch.mark;
    await replica.client.sendMessage({ chatId, parts: says("second question") });
    await watch.status(ChatStatus.WAITING, mark);
    const [, second] = await script.requests();
    expect(JSON.stringify(second?.body)).toMatch(/first question.*first answer.*second question/su);
  });

  it("with a tool that is unknown, one with broken arguments and one with wrong ones tells the model so", async () => {
    const script = await server.script(
      [toolCall("nonesuch", {}), toolCall("lookup", '{"key":'), toolCall("lookup", { wrong: 1 })],
      [text("I see.")],
    );
    const chatId = await newChat(replica.client, `openai-chat/${script.model}`, "go");
    const watch = replica.watch(chatId);
    await watch.status(ChatStatus.WAITING);
    const results = watch.messages().find((message) => message.role === Role.TOOL)?.parts ?? [];
    expect(results.map((part) => part.kind.case === "toolResult" && part.kind.value.isError)).toEqual([
      true,
      true,
      true,
    ]);
    expect(describePart(results[0] as never)).toContain("There is no tool named");
    expect(describePart(results[1] as never)).toContain("not valid JSON");
  });
});

function describe_(message: Message | undefined): string[] {
  return (message?.parts ?? []).map(describePart);
}
