import type { Part } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { gate, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { deltasOf, settledWith } from "../kit/turns.js";
import { watchedChat } from "../kit/watched-turns.js";

export const deltaKinds = defineCase({
  id: "episode/delta-kinds",
  title: "fragments of arguments and results assemble to what is committed",
  rules: ["STREAM-8"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M202",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model } = context;
    const args = ['{"at":"the ', "first ", 'shelf","deep":', "12}"];
    const script = model.script(
      [text("Let me look. "), toolCall("look", args), toolCall("look", { at: "elsewhere" }), gate("called")],
      [text("Nothing.")],
    );
    const { chat, watcher } = await watchedChat(context);
    const shown = (): Part[] =>
      deltasOf(watcher.events).flatMap(({ part }) => (part === undefined ? [] : [part]));
    await arrange("a message", "response", () => send(context, chat.id, script.says("look")));
    await arrange("the model has called", "response", (signal) => script.reached("called", { signal }));
    await arrange("the watcher has seen both calls", "response", (signal) =>
      watcher.until(
        "the arguments",
        () => textsOf(shown(), argsOf).filter((said) => said.endsWith("}")).length === 2,
        { signal },
      ),
    );
    script.open("called");
    await arrange("the answer", "response", settledWith(watcher, 4));
    const committed = [...watcher.view.messages.values()].flatMap(({ parts }) => parts);
    const deltas = shown();
    check("STREAM-8", "the fragments of each call are its arguments", {
      expected: textsOf(committed, argsOf),
      observed: textsOf(deltas, argsOf),
    });
    // A tool may be done before anybody can be shown its result.
    const results = textsOf(deltas, resultOf);
    const isShown = (said: string): boolean => results.some((other) => idOf(other) === idOf(said));
    check("STREAM-8", "what is shown of a result is the result", {
      expected: textsOf(committed, resultOf).filter(isShown),
      observed: results,
    });
    check("STREAM-8", "there were two calls", { expected: 2, observed: textsOf(committed, argsOf).length });
  },
});

interface Piece {
  readonly id: string;
  readonly text: string;
  readonly isWhole: boolean;
}

/** The texts by call. What comes whole after its fragments adds nothing to them; without fragments it is all there is. */
function textsOf(parts: readonly Part[], pieceOf: (part: Part) => Piece | undefined): string[] {
  const texts = new Map<string, string>();
  for (const part of parts) {
    const piece = pieceOf(part);
    if (piece === undefined || (piece.isWhole && texts.has(piece.id))) continue;
    texts.set(piece.id, (texts.get(piece.id) ?? "") + piece.text);
  }
  return [...texts].map(([id, said]) => `${id}: ${said}`).toSorted();
}

function idOf(said: string): string {
  return said.slice(0, said.indexOf(":"));
}

function argsOf({ kind }: Part): Piece | undefined {
  if (kind.case !== "toolCall") return undefined;
  const { toolCallId: id, argsDelta, argsJson } = kind.value;
  return { id, text: argsJson ?? argsDelta, isWhole: argsJson !== undefined };
}

function resultOf({ kind }: Part): Piece | undefined {
  if (kind.case !== "toolResult") return undefined;
  const { toolCallId: id, resultDelta, resultJson } = kind.value;
  return { id, text: resultJson ?? resultDelta, isWhole: resultJson !== undefined };
}
