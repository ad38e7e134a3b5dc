import { WhenBusy } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, send } from "../kit/chats.js";
import { plainly, promptOf, runningTurn, settledWith } from "../kit/turns.js";

export const sendWithInterruptOrder = defineCase({
  id: "interrupt/send-with-interrupt-order",
  title: "the partial precedes the message that caused the interrupt, live and after a reload",
  rules: ["INT-4"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M17",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, watcher } = await runningTurn(context);
    const next = model.script([text("Stopped.")]);
    await arrange("a message that interrupts", "response", () =>
      send(context, chat.id, next.says("stop"), { whenBusy: WhenBusy.INTERRUPT }),
    );
    await waitFor(
      {
        rule: "INT-4",
        sentence: "the partial and the message are told",
        happens: (signal) =>
          watcher.until("three messages", ({ messages }) => messages.size >= 3, { signal }),
      },
      "response",
    );
    const expected = ["user: count", "assistant (interrupted): One two ", "user: stop"];
    const live = watcher.events.flatMap((event) =>
      event.case === "message" && event.value.message !== undefined ? [event.value.message] : [],
    );
    check("INT-4", "live, the partial comes first", { expected, observed: plainly(live).slice(0, 3) });
    const messages = await arrange("the history", "response", () => history(context, chat.id));
    check("INT-4", "so it does in the history", { expected, observed: plainly(messages).slice(0, 3) });
    const call = await waitFor(
      { rule: "INT-4", sentence: "the model is asked again", happens: (signal) => next.call(0, { signal }) },
      "response",
    );
    check("INT-4", "so it does for the model", {
      expected: ["count", "One two ", "stop"],
      observed: promptOf(call).map((message) => message.text),
    });
    await waitFor(
      { rule: "INT-4", sentence: "the message is answered", happens: settledWith(watcher, 4) },
      "response",
    );
  },
});
