import { gate, interleaved, reasoning, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { describeMessages, partsOf } from "../../transcript/joined-step.js";
import { messagesTold, partInWords, shownSteps, talkShown, watchedChat } from "../kit/watched-turns.js";

export const blockOrder = defineCase({
  id: "order/block-order",
  title: "text, reasoning and calls keep the order in which the model began them, also when they interleave",
  rules: ["STREAM-8", "PART-1", "PART-2"],
  level: "MUST",
  profile: "core",
  // In this dialect the model says itself which fragments belong together.
  needs: ["model", "anthropic"],
  mutant: "M122",
  limitMs: 30_000,
  run: async (context) => {
    const { check, model } = context;
    const script = model.script(
      [
        reasoning("First I think. ", { codePoints: 4, signature: "signed" }),
        text("Then I speak. ", { codePoints: 5 }),
        toolCall("look", { place: "here" }, { codePoints: 3 }),
        interleaved(
          text("a b c d", { codePoints: 1 }),
          toolCall("find", { what: "that" }, { codePoints: 4 }),
          text("x y", { codePoints: 1 }),
        ),
        gate("shown"),
      ],
      [text("Nothing found.")],
    );
    const { watcher } = await watchedChat(context, { dialect: "anthropic" });
    const said = 'First I think. Then I speak. {"place":"here"}a b c d{"what":"that"}x y';
    await talkShown(context, watcher, { script, asks: "look", said, added: 4 });
    const order = [
      "reasoning First I think. ",
      "text Then I speak. ",
      'call look {"place":"here"}',
      "text a b c d",
      'call find {"what":"that"}',
      "text x y",
    ];
    const [step] = shownSteps(watcher.events);
    check("STREAM-8", "the blocks begin in the model's order, each with its own text", {
      expected: order,
      observed: step === undefined ? [] : partsOf(step).map(partInWords),
    });
    const began = new Set(
      watcher.events.flatMap((event) =>
        event.case === "messagePart" && event.value.episode?.historyVersion === step?.historyVersion
          ? [event.value.block]
          : [],
      ),
    );
    check("STREAM-8", "blocks are numbered as they begin", {
      expected: [1, 2, 3, 4, 5, 6],
      observed: [...began],
    });
    const [, message] = messagesTold(watcher.events);
    check("STREAM-8", "the message has its parts in the same order", {
      expected: order,
      observed: message === undefined ? [] : describeMessages([message]).map(partInWords),
    });
    check("PART-1", "each part is of one kind", {
      expected: ["reasoning", "text", "toolCall", "text", "toolCall", "text"],
      observed: message?.parts.map(({ kind }) => kind.case),
    });
    const calls = (message?.parts ?? []).flatMap(({ kind }) =>
      kind.case === "toolCall" ? [kind.value] : [],
    );
    check("PART-2", "calls have ids of their own, and the names that the model gave", {
      expected: { ids: 2, names: ["look", "find"] },
      observed: {
        ids: new Set(calls.flatMap(({ toolCallId }) => (toolCallId === "" ? [] : [toolCallId]))).size,
        names: calls.map(({ toolName }) => toolName),
      },
    });
  },
});
