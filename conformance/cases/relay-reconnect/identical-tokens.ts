import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { history, told } from "../kit/chats.js";
import { deltasTold, idleWith, showing } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

const la = { pieces: ["la ", "la ", "la "] };

export const identicalTokens = defineCase({
  id: "relay-reconnect/identical-tokens",
  title: "among equal tokens nothing is dropped or doubled by a reconnect",
  rules: ["RELAY-7", "RELAY-6", "STREAM-8"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M05",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, precondition, waitFor } = context;
    const { turn, witness, watcher, relay } = await shownUpTo(context, "and ", [
      text("and "),
      gate("sing"),
      text("la la la ", la),
      gate("down"),
      text("la la la ", la),
      gate("up"),
      text("la la la ", la),
      text("end"),
      gate("end"),
    ]);
    turn.script.open("sing");
    await waitFor(
      { rule: "RELAY-7", sentence: "each is shown", happens: showing(watcher, "and la la la ") },
      "relay_recovery",
    );
    const since = relay.journal.mark;
    precondition("the link drops", relay.sever() > 0);
    turn.script.open("down");
    await arrange("the owner generates the same again", "response", showing(witness, "la la la la la la "));
    relay.mend();
    turn.script.open("up");
    await waitFor(
      { rule: "RELAY-7", sentence: "all of it is shown", happens: showing(watcher, "end") },
      "relay_recovery",
    );
    precondition(
      "over a second connection",
      relay.journal.entries.slice(since).some(({ event }) => event === "connected"),
    );
    check("RELAY-7", "each token once, told apart by its number", {
      expected: ["and la la la la la la la la la end"],
      observed: deltasTold(watcher.events),
    });
    turn.script.open("end");
    await waitFor(
      { rule: "RELAY-6", sentence: "the turn comes to its end", happens: idleWith(watcher, 2) },
      "response",
    );
    check("RELAY-6", "the client's stream has never ended", { expected: undefined, observed: watcher.end });
    const read = await arrange("the history", "response", () => history(context, turn.chatId));
    check("STREAM-8", "what was shown is what is committed", {
      expected: [`user: ${turn.script.says("go")}`, "assistant: and la la la la la la la la la end"],
      observed: told(read),
    });
  },
});
