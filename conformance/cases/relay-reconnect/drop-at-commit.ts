import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { told } from "../kit/chats.js";
import { idleWith } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

export const dropAtCommit = defineCase({
  id: "relay-reconnect/drop-at-commit",
  title: "when the link drops as the turn ends, its message and its end are told all the same",
  rules: ["RELAY-8"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M170",
  limitMs: 60_000,
  run: async (context) => {
    const { check, precondition, waitFor } = context;
    const { turn, watcher, relay } = await shownUpTo(context, "shown ", [
      text("shown "),
      gate("end"),
      text("and not"),
    ]);
    precondition("the link drops", relay.sever() > 0);
    turn.script.open("end");
    const { messages } = await waitFor(
      { rule: "RELAY-8", sentence: "the turn comes to its end", happens: idleWith(watcher, 2) },
      "response",
    );
    check("RELAY-8", "the message is whole", {
      expected: [`user: ${turn.script.says("go")}`, "assistant: shown and not"],
      observed: told(messages.values()),
    });
    check("RELAY-8", "the stream goes on", { expected: undefined, observed: watcher.end });
  },
});
