import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { Role } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { finish, gate, reasoning, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { describeMessages, joinDelta, type JoinedStep, partsOf } from "../../transcript/joined-step.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { WatchEvent } from "../../suite/run/watch.js";
import { send } from "../kit/chats.js";
import { has, watchedChat } from "../kit/subscriptions.js";
import { shownText } from "../kit/watched-turns.js";

const args = '{"z":9007199254740993,"a":null,"text":"😀"}';

export const sameTranscript = defineCase({
  id: "wire/same-transcript",
  title: "one scripted turn gives the same events over each wire",
  rules: ["STREAM-12", "PART-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M157",
  wires: "each",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chatId, watcher } = await watchedChat(context);
    const usage = { input: 120, output: 30, cachedInput: 20, reasoning: 7 };
    const script = model.script(
      [
        reasoning("a thought"),
        text("One 😀 "),
        toolCall("look", args, { id: "call-1" }),
        gate("called"),
        finish("tool_calls", usage),
      ],
      [text("two"), gate("said"), finish("stop", usage)],
    );
    const said = script.says("count");
    await arrange("a message", "response", () => send(context, chatId, said));
    for (const [name, words] of [
      ["called", `a thoughtOne 😀 ${args}`],
      ["said", "two"],
    ] as const) {
      // Nobody has to show deltas to one whom they reach after the commit.
      await arrange(`the step that ends at ${name} is shown`, "response", (signal) =>
        watcher.until("all of it", (view) => shownText(view) === words, { signal }),
      );
      script.open(name);
    }
    const { messages } = await waitFor(
      {
        rule: "STREAM-12",
        sentence: "the turn comes to its end",
        happens: (signal) => watcher.settled({ signal }, has(4)),
      },
      "response",
    );
    // What a wire adds or takes away shows here: the same words for every wire, and so the same as over every other.
    check("STREAM-12", "the events are those of the script, in its order", {
      expected: [
        "caughtUp",
        "message USER",
        "step: reasoning, text, call",
        "message ASSISTANT",
        "message TOOL",
        "step: text",
        "message ASSISTANT",
        "status WAITING",
      ],
      observed: wordsOf(watcher.events),
    });
    const [, called] = messages.values();
    check("PART-3", "the arguments are the text that the model wrote", {
      expected: [
        { kind: "reasoning", subject: "", text: "a thought", isWhole: false },
        { kind: "text", subject: "", text: "One 😀 ", isWhole: false },
        { kind: "call", subject: "call-1 look", text: args, isWhole: true },
      ],
      observed: describeMessages(called === undefined ? [] : [called]),
    });
    const { inputTokens, outputTokens, reasoningTokens, cacheReadTokens } = called?.usage ?? {};
    check("STREAM-12", "numbers are those that the model said", {
      expected: { inputTokens: 120n, outputTokens: 30n, reasoningTokens: 7n, cacheReadTokens: 20n },
      observed: { inputTokens, outputTokens, reasoningTokens, cacheReadTokens },
    });
  },
});

/** What may differ from run to run is left out: how deltas are merged, keepalives, statuses on the way, the queue, results that are shown before their commit. */
function wordsOf(events: readonly WatchEvent[]): string[] {
  const words: string[] = [];
  let step: JoinedStep | undefined;
  let status = ChatStatus.UNSPECIFIED;
  for (const event of events)
    switch (event.case) {
      case "messagePart":
        step = event.value.role === Role.ASSISTANT ? joinDelta(step, event.value) : undefined;
        break;
      case "message":
        if (step !== undefined)
          words.push(
            `step: ${partsOf(step)
              .map(({ kind }) => kind)
              .join(", ")}`,
          );
        step = undefined;
        words.push(`message ${Role[event.value.message?.role ?? Role.UNSPECIFIED]}`);
        break;
      case "status":
        status = event.value.status;
        break;
      case "caughtUp":
      case "error":
      case "historyReset":
      case "previewReset":
        words.push(event.case);
        break;
      case "actionRequired":
      case "chatUpdate":
      case "keepalive":
      case "queueUpdate":
      case "retry":
      case undefined:
        break;
    }
  return [...words, `status ${ChatStatus[status]}`];
}
