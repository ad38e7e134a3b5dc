import { WhenBusy } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { send, told } from "../kit/chats.js";
import { entered, idleWith } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

export const linkStaysDown = defineCase({
  id: "relay-reconnect/link-stays-down",
  title: "with the link down for good, committed messages still arrive and the stream stays healthy",
  rules: ["RELAY-8"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M170",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, precondition, waitFor } = context;
    const { turn, watcher, relay } = await shownUpTo(
      context,
      "shown ",
      [text("shown "), gate("end"), text("and not")],
      [text("never shown")],
    );
    const { chatId, script } = turn;
    const since = relay.journal.mark;
    precondition("the link drops", relay.sever() > 0);
    await arrange(
      "it is not there for a redial",
      "relay_recovery",
      entered(relay, ({ event }) => event === "refused", { since }),
    );
    await arrange("a message for later", "response", () =>
      send(context, chatId, script.says("go on"), { whenBusy: WhenBusy.QUEUE }),
    );
    script.open("end");
    const { messages } = await waitFor(
      { rule: "RELAY-8", sentence: "both turns come to their ends", happens: idleWith(watcher, 4) },
      "response",
    );
    check("RELAY-8", "their messages are whole", {
      expected: [
        `user: ${script.says("go")}`,
        "assistant: shown and not",
        `user: ${script.says("go on")}`,
        "assistant: never shown",
      ],
      observed: told(messages.values()),
    });
    check("RELAY-8", "the stream goes on", { expected: undefined, observed: watcher.end });
  },
});
