import type { Watch } from "../../suite/run/watch.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import type { ModelScript } from "../../surroundings/scripted-model/model-script.js";
import { send } from "./chats.js";
import { shownText, watchedChat } from "./subscriptions.js";

type Acting = Pick<CaseContext, "arrange" | "client" | "model" | "modelName" | "random" | "watch">;

export interface SlowReader {
  readonly chatId: string;
  /** Reads everything at once. */
  readonly quick: Watch;
  /** Has seen the beginning, and takes nothing off the wire any more. */
  readonly slow: Watch;
  readonly script: ModelScript;
  /** What the model says in all, once the gate `stalled` is open; the gate `end` is before the end of the turn. */
  readonly content: string;
  /** The gates before what it says, the first of which is `stalled`, and how much has been said when the next one is reached. */
  readonly bursts: readonly { readonly gate: string; readonly said: string }[];
}

/**
 * Two who watch a turn, one of whom stops to read in its midst. What the model says then is far more than what connections hold by themselves:
 * `pieces` pieces of 32 KiB, in `bursts` of as many.
 */
export async function stalledReader(
  context: Acting,
  { pieces, bursts = 1 }: { readonly pieces: number; readonly bursts?: number },
): Promise<SlowReader> {
  const { arrange, model, random, watch } = context;
  const { chatId, watcher: quick } = await watchedChat(context);
  const slow = watch(chatId);
  // No piece is like another: what is lost or doubled shows.
  const said = Array.from({ length: pieces }, (_, index) =>
    `${index} ${random.nonce()} `.padEnd(32 * 1024, "🙂 and so on "),
  ).map((piece) => piece.toWellFormed());
  const each = pieces / bursts;
  const planned = Array.from({ length: bursts }, (_, index) => ({
    gate: index === 0 ? "stalled" : `stalled ${index + 1}`,
    pieces: said.slice(index * each, (index + 1) * each),
    said: `begin ${said.slice(0, (index + 1) * each).join("")}`,
  }));
  const script = model.script([
    text("begin "),
    ...planned.flatMap((burst) => [gate(burst.gate), text(burst.pieces.join(""), { pieces: burst.pieces })]),
    gate("end"),
  ]);
  await arrange("a message", "response", () => send(context, chatId, script.says("talk")));
  await arrange("both see the beginning", "response", (signal) =>
    Promise.all(
      [quick, slow].map((each) =>
        each.until("the beginning", (_, events) => shownText(events) === "begin ", { signal }),
      ),
    ),
  );
  slow.call.pause();
  return { chatId, quick, slow, script, content: `begin ${said.join("")}`, bursts: planned };
}
