import type { Message } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send } from "../kit/chats.js";
import { interrupt, type Prompted, promptOf, runningTurn, settledWith } from "../kit/turns.js";

export const pendingToolCalls = defineCase({
  id: "interrupt/pending-tool-calls",
  title: "calls that an interrupt leaves open get results, and the next prompt is well formed",
  rules: ["INT-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M19",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, watcher } = await runningTurn(context, {
      before: [text("Let me look. "), toolCall("look", { at: "here" }, { id: "call_open" })],
      after: [],
    });
    await arrange("an interrupt", "response", () => interrupt(context, chat.id));
    await waitFor(
      {
        rule: "INT-3",
        sentence: "the chat is idle",
        happens: (signal) => watcher.settled({ signal }, ({ messages }) => messages.size >= 2),
      },
      "response",
    );
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    const { calls, results } = toolsOf(messages);
    check("INT-3", "each call of the partial has one result", { expected: calls, observed: results });
    check("INT-3", "the call that was seen is among them", {
      expected: ["look"],
      observed: calls.map((call) => call.split(" ")[1]),
    });

    const next = model.script([text("Very well.")]);
    await arrange("another message", "response", () => send(context, chat.id, next.says("never mind")));
    const call = await waitFor(
      { rule: "INT-3", sentence: "the model is asked again", happens: (signal) => next.call(0, { signal }) },
      "response",
    );
    check("INT-3", "in the prompt each call is answered before anything else", {
      expected: [],
      observed: unanswered(promptOf(call)),
    });
    await waitFor(
      {
        rule: "INT-3",
        sentence: "the chat goes on",
        happens: settledWith(watcher, messages.length + 2),
      },
      "response",
    );
  },
});

/** "id name" of the calls of a history, and of the results in its tool messages that say something. */
function toolsOf(messages: readonly Message[]) {
  const calls: string[] = [];
  const results: string[] = [];
  for (const { kind } of messages.flatMap(({ parts }) => parts)) {
    if (kind.case === "toolCall") calls.push(`${kind.value.toolCallId} ${kind.value.toolName}`);
    if (kind.case === "toolResult" && (kind.value.resultJson ?? "") !== "")
      results.push(`${kind.value.toolCallId} ${kind.value.toolName}`);
  }
  return { calls, results };
}

/** What a provider would refuse the prompt for. */
function unanswered(prompt: readonly Prompted[]): string[] {
  const problems: string[] = [];
  let open: string[] = [];
  for (const { role, calls, answers } of prompt) {
    if (role === "tool") {
      if (answers === undefined || !open.includes(answers))
        problems.push(`a result for ${answers ?? "no call"}`);
      open = open.filter((id) => id !== answers);
      continue;
    }
    problems.push(...open.map((id) => `${id} is open when the ${role} speaks`));
    open = [...calls];
  }
  if (!prompt.some(({ calls }) => calls.length > 0)) problems.push("the call is not in the prompt");
  return problems;
}
