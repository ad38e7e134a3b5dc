import { type Case, defineCase } from "../../suite/cases/define-case.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { createChat } from "../kit/chats.js";
import { all, beyondTitles, halfAnswer, heldTurn, rename, titled, watchAt } from "../kit/cluster.js";
import { deltasTold, idleWith, showing } from "../kit/relays.js";
import { plainly } from "../kit/turns.js";

type HintRule = "BUS-4" | "BUS-7";
type HintContext = CaseContext<HintRule>;

/** What is told of these two on the bus, though nothing happens to them. */
export interface Chats {
  /** Its turn is over. */
  readonly idle: string;
  /** Its model is in the middle of an answer. */
  readonly running: string;
}

export interface HarmlessHint {
  readonly id: `bus/${string}`;
  readonly title: string;
  readonly rule: HintRule;
  readonly mutant: `M${number}`;
  /** Says it on the bus. Returns how much was said. */
  readonly say: (context: HintContext, chats: Chats) => Promise<number>;
}

/** All of it is shown before the turn ends: what is said and committed at once need not be. */
const wholeAnswer = [...halfAnswer, gate("end")];

/**
 * Something is said on the bus that the store does not support. Neither who watches an idle chat nor who watches a running one, at its owner
 * and elsewhere, is told anything, and the turn goes on as if nothing had been said.
 */
export function harmlessHint({ id, title, rule, mutant, say }: HarmlessHint): Case {
  return defineCase({
    id,
    title,
    rules: [rule],
    level: "MUST",
    profile: "bus",
    needs: ["model", "replicas", "bus"],
    mutant,
    limitMs: 60_000,
    run: async (context) => {
      const { arrange, check, fence, model, never, precondition, waitFor } = context;
      const turn = await heldTurn(context, wholeAnswer, [text("an answer that nobody asked for")]);
      const { owner, others, script } = turn;
      const pair = [owner, others[0]] as const;
      const done = model.script([text("an answer")], [text("an answer that nobody asked for")]);
      const idle = await arrange("another chat", "response", () =>
        createChat(context, { says: done.says("go"), replica: owner }),
      );
      const atIdle = await watchAt(context, idle.id, pair);
      await arrange(
        "its turn is over",
        "response",
        all(atIdle, (watcher) => idleWith(watcher, 2)),
      );
      const atRunning = await watchAt(context, turn.chatId, pair);
      await arrange(
        "what the model has said is shown",
        "relay_recovery",
        all(atRunning, (watcher) => showing(watcher, "half an ")),
      );
      const marks = [...atIdle, ...atRunning].map((watcher) => ({ watcher, since: watcher.events.length }));

      const said = await arrange("it is said on the bus", "response", () =>
        say(context, { idle: idle.id, running: turn.chatId }),
      );
      precondition("something was said", said > 0);
      // Each replica hears of the other's change over the bus, after what was said.
      for (const replica of pair)
        await fence("a change that came after it is told", "notify_poll", async (signal) => {
          const title = `renamed at ${replica.name}`;
          for (const chatId of [idle.id, turn.chatId]) await rename(context, chatId, title, { replica });
          await all([...atIdle, ...atRunning], titled(title))(signal);
        });
      never(
        rule,
        "nobody who watches is told anything but the new titles",
        marks.flatMap(({ watcher, since }) => beyondTitles(watcher.events.slice(since))),
      );

      script.open("middle");
      await waitFor(
        {
          rule,
          sentence: "the turn goes on, and the rest of it is shown",
          happens: all(atRunning, (watcher) => showing(watcher, "half an answer")),
        },
        "relay_recovery",
      );
      script.open("end");
      const views = await waitFor(
        {
          rule,
          sentence: "the turn comes to its end",
          happens: all(atRunning, (watcher) => idleWith(watcher, 2)),
        },
        "response",
      );
      check(rule, "its answer is whole", {
        expected: pair.map(() => ["user: go", "assistant: half an answer"]),
        observed: views.map(({ messages }) => plainly(messages.values())),
      });
      check(rule, "it was shown once, from one attempt", {
        expected: pair.map(() => ["half an answer"]),
        observed: atRunning.map(({ events }) => deltasTold(events)),
      });
      check(rule, "the model was called once for each turn", {
        expected: [1, 1],
        observed: [script.calls.length, done.calls.length],
      });
    },
  });
}
