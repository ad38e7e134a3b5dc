import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { deltasOf, interrupt, runningTurn, settledWith } from "../kit/turns.js";

export const noPartsAfter = defineCase({
  id: "interrupt/no-parts-after",
  title: "no delta of an interrupted step follows its partial",
  rules: ["STREAM-7"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M135",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, fence, model, never, check, waitFor } = context;
    const { chat, script, watcher } = await runningTurn(context);
    const interrupted = deltasOf(watcher.events)[0]?.episode?.historyVersion;
    await arrange("an interrupt", "response", () => interrupt(context, chat.id));
    await waitFor(
      { rule: "STREAM-7", sentence: "the partial follows its deltas", happens: settledWith(watcher, 2) },
      "response",
    );
    script.open("middle");
    const next = model.script([text("Five.")]);
    await fence("a turn after it is over", "response", async (signal) => {
      await send(context, chat.id, next.says("go on"));
      await settledWith(watcher, 4)(signal);
    });
    const { events } = watcher;
    const partial = events.findIndex(
      (event) => event.case === "message" && event.value.message?.interrupted === true,
    );
    const late = (part: (typeof events)[number]) =>
      deltasOf([part]).some(({ episode }) => episode?.historyVersion === interrupted);
    check("STREAM-7", "its deltas came before it", {
      expected: true,
      observed: events.slice(0, partial).some(late),
    });
    never("STREAM-7", "a delta of it comes after the partial", events.slice(partial).filter(late));
  },
});
