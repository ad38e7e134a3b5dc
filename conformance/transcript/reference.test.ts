import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService, type SubscribeResponse } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { Call, RpcClient } from "../surroundings/clients/call.js";
import { openClient } from "../surroundings/clients/open-client.js";
import {
  anthropicModel,
  openAiModel,
  type Reference,
  startReference,
} from "../surroundings/clients/reference.fixture.js";
import { wires } from "../surroundings/clients/wires.js";
import {
  gate,
  httpError,
  reasoning,
  type Step,
  streamError,
  text,
  toolCall,
} from "../surroundings/scripted-model/script.js";
import type { ModelScript } from "../surroundings/scripted-model/model-script.js";
import { type ScriptedModel, startScriptedModel } from "../surroundings/scripted-model/scripted-model.js";
import { checkEnds, checkTogether, checkTranscript } from "./check.js";
import { continued, readTranscript, type Transcript, transcriptOf } from "./transcript.js";
import { isSettled, type View, viewAfter } from "./view.js";

const chat = ChatService.method;
const canary = "canary-5f1d2c";
const inTime = () => ({ signal: AbortSignal.timeout(20_000) });
const says = (content: string) => [{ kind: { case: "text" as const, value: { text: content } } }];

let model: ScriptedModel;
let reference: Reference;
let client: RpcClient;
let jsonClient: RpcClient;
beforeAll(async () => {
  model = await startScriptedModel();
  reference = await startReference(model);
  client = openClient(wires[0], reference.url);
  jsonClient = openClient(wires[5], reference.url);
});
afterAll(async () => {
  client[Symbol.dispose]();
  jsonClient[Symbol.dispose]();
  await reference[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

/** A conversation, from the first message until nothing is under way. */
interface Story {
  readonly name: string;
  readonly model: string;
  readonly responses: readonly (readonly Step[])[];
  /** How the end is recognized, beyond that nothing is under way. */
  readonly end: (view: View) => boolean;
  readonly meanwhile?: (chatId: string, script: ModelScript) => Promise<unknown>;
}

const stories: readonly Story[] = [
  {
    name: "reasoning, tools and an answer in fragments",
    model: anthropicModel,
    responses: [
      [
        reasoning("Let me see.", { codePoints: 4, signature: canary }),
        toolCall("current_time", {}, { id: "t1" }),
      ],
      [text("It is late 🦊 now.", { codePoints: 1 })],
    ],
    end: ({ messages }) => messages.size === 4,
  },
  {
    name: "a failed attempt after some words, and another one",
    model: openAiModel,
    responses: [[text("He"), streamError("server_error", "it broke")], [text("Hello", { codePoints: 2 })]],
    end: ({ messages }) => messages.size === 2,
  },
  {
    name: "a turn that fails",
    model: openAiModel,
    responses: [[httpError(401, "no")]],
    end: ({ status }) => status === ChatStatus.ERROR,
  },
  {
    name: "an interrupt in the middle of a word, with a message that waits",
    model: openAiModel,
    responses: [[text("One two thr"), gate("middle"), text("ee")], [text("Next.")]],
    end: ({ messages }) => messages.size === 4,
    meanwhile: async (chatId, script) => {
      await script.reached("middle", inTime());
      await client.unary(chat.sendMessage, { chatId, parts: says(script.says("and then")) });
      await client.unary(chat.interruptChat, { chatId });
    },
  },
  {
    name: "an edit while an answer is under way",
    model: openAiModel,
    responses: [[text("Wrong"), gate("middle")], [text("Right")]],
    end: ({ messages }) => messages.size === 2,
    meanwhile: async (chatId, script) => {
      await script.reached("middle", inTime());
      const { messages } = await client.unary(chat.listMessages, { chatId });
      const messageId = messages[0]?.id ?? 0n;
      await client.unary(chat.editMessage, { chatId, messageId, parts: says(script.says("better")) });
    },
  },
];

/** The story as two saw it who were there from the beginning, on different wires. */
async function watched({
  model: name,
  responses,
  end,
  meanwhile,
}: Story): Promise<readonly [Transcript, Transcript]> {
  const script = model.script(...responses);
  const created = await client.unary(chat.createChat, { model: name });
  const chatId = created.chat?.id ?? "";
  using one = client.call(chat.subscribe, { chatId });
  using other = jsonClient.call(chat.subscribe, { chatId });
  const both = [one, other];
  await Promise.all(both.map((call) => settled(call, () => true)));
  await client.unary(chat.sendMessage, { chatId, parts: says(script.says("hello")) });
  await meanwhile?.(chatId, script);
  const begun = (view: View): boolean => view.messages.size > 0 && end(view);
  await Promise.all(both.map((call) => settled(call, begun)));
  return [transcriptOf({ chatId }, one), transcriptOf({ chatId }, other)];
}

function settled(call: Call<SubscribeResponse>, isEnd: (view: View) => boolean): Promise<true> {
  const look = (messages: readonly SubscribeResponse[]): true | undefined => {
    const view = viewAfter(messages.flatMap(({ events }) => events));
    return isSettled(view) && isEnd(view) ? true : undefined;
  };
  return call.until("an end of the story", look, inTime());
}

function observed(transcripts: readonly Transcript[], options = {}): string[] {
  return transcripts
    .flatMap((transcript) => checkTranscript(transcript, options))
    .map(({ invariant, observed: words }) => `${invariant.id}: ${words}`);
}

describe.each(stories)("of the reference, $name", (story) => {
  let transcripts: readonly [Transcript, Transcript];
  beforeAll(async () => {
    transcripts = await watched(story);
  });

  it("gives transcripts that keep every rule, and agree", () => {
    expect(observed(transcripts, { canaries: [canary] })).toEqual([]);
    expect(checkTogether(transcripts)).toEqual([]);
    expect(checkEnds(transcripts)).toEqual([]);
    expect(model.strays).toEqual([]);
  });

  it("is the same for whoever comes back at any cursor", async () => {
    const [whole] = transcripts;
    const { chatId } = whole;
    const once = viewAfter(readTranscript(whole).events);
    for (const [index, { response }] of readTranscript(whole).messages.entries()) {
      const cursor = response?.cursor ?? "";
      using again = client.call(chat.subscribe, { chatId, cursor });
      await again.until(
        "caught_up",
        (messages) =>
          messages.some(({ events }) => events.some(({ event }) => event.case === "caughtUp"))
            ? true
            : undefined,
        inTime(),
      );
      const after = transcriptOf({ chatId, cursor }, again);
      const joined = continued(whole, index, after);
      expect(observed([after, joined], { canaries: [canary] })).toEqual([]);
      const { chat: _, ...view } = viewAfter(readTranscript(joined).events);
      const { chat: __, ...expected } = once;
      expect(view).toEqual(expected);
    }
  });
});
