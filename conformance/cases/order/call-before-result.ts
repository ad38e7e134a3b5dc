import { type Message, Role } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { WatchEvent } from "../../suite/run/watch.js";
import { history } from "../kit/chats.js";
import { messagesTold, talk, watchedChat } from "../kit/watched-turns.js";

export const callBeforeResult = defineCase({
  id: "order/call-before-result",
  title: "the result of a tool never comes before its call, and stands in a message of its own",
  rules: ["PART-2", "PART-6", "STREAM-2", "STREAM-7"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M123",
  limitMs: 30_000,
  run: async (context) => {
    const { check, model, waitFor, watch } = context;
    const script = model.script(
      [text("I look. "), toolCall("look", { at: 1 }), toolCall("look", { at: 2 })],
      [toolCall("look", { at: 3 })],
      [text("There is no such tool.")],
    );
    const { chat, watcher } = await watchedChat(context);
    await talk(context, watcher, script.says("look"), { added: 6 });
    check("STREAM-7", "live, each result comes after its call, as a delta and in its message", {
      expected: [],
      observed: [...unasked(messagesTold(watcher.events)), ...shownUnasked(watcher.events)],
    });

    const messages = await waitFor(
      { rule: "PART-6", sentence: "the history can be read", happens: () => history(context, chat.id) },
      "response",
    );
    check("PART-6", "calls stand in messages of the assistant, results in those of the tool after them", {
      expected: [
        "user:",
        "assistant: call 1, call 2",
        "tool: result 1, result 2",
        "assistant: call 3",
        "tool: result 3",
        "assistant:",
      ],
      observed: inWords(messages),
    });
    const results = messages.flatMap(({ parts }) =>
      parts.flatMap(({ kind }) => (kind.case === "toolResult" ? [kind.value] : [])),
    );
    check(
      "PART-2",
      "each result has the name of its tool and a value; that of a tool nobody knows is an error",
      {
        expected: Array.from({ length: 3 }, () => ({ toolName: "look", hasValue: true, isError: true })),
        observed: results.map(({ toolName, resultJson = "", isError }) => ({
          toolName,
          hasValue: resultJson !== "",
          isError,
        })),
      },
    );

    const late = watch(chat.id);
    await waitFor(
      { rule: "STREAM-2", sentence: "somebody comes late", happens: (signal) => late.caughtUp({ signal }) },
      "response",
    );
    check("STREAM-2", "who comes late is told each result after its call", {
      expected: { messages: 6, before: [] },
      observed: { messages: messagesTold(late.events).length, before: unasked(messagesTold(late.events)) },
    });
  },
});

/** Results in messages before which no message has the call. */
function unasked(messages: readonly Message[]): string[] {
  const asked = new Set<string>();
  return messages.flatMap(({ id, parts }) =>
    parts.flatMap(({ kind }) => {
      if (kind.case === "toolCall") asked.add(kind.value.toolCallId);
      const isUnasked = kind.case === "toolResult" && !asked.has(kind.value.toolCallId);
      return isUnasked ? [`message ${id} has a result before its call`] : [];
    }),
  );
}

/** Results that were shown before a message with the call was told. */
function shownUnasked(events: readonly WatchEvent[]): string[] {
  return events.flatMap((event, index) => {
    const kind = event.case === "messagePart" ? event.value.part?.kind : undefined;
    if (kind?.case !== "toolResult") return [];
    const { toolCallId } = kind.value;
    const isAsked = messagesTold(events.slice(0, index)).some(({ parts }) =>
      parts.some((part) => part.kind.case === "toolCall" && part.kind.value.toolCallId === toolCallId),
    );
    return isAsked ? [] : [`the result of ${toolCallId} is shown before its call`];
  });
}

/** Who speaks in each message, with calls numbered as they came and results by their calls. */
function inWords(messages: readonly Message[]): string[] {
  const numbers = new Map<string, number>();
  return messages.map(({ role, parts }) => {
    const words = parts.flatMap(({ kind }) => {
      if (kind.case === "toolCall") {
        numbers.set(kind.value.toolCallId, numbers.size + 1);
        return [`call ${numbers.size}`];
      }
      return kind.case === "toolResult"
        ? [`result ${numbers.get(kind.value.toolCallId) ?? "of nothing"}`]
        : [];
    });
    return `${Role[role].toLowerCase()}: ${words.join(", ")}`.trimEnd();
  });
}
