import { WhenBusy } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { send } from "../kit/chats.js";
import { deltasTold, idleWith, showing, startTurn } from "../kit/relays.js";

export const sameOwnerNextEpisode = defineCase({
  id: "relay-stale/same-owner-next-episode",
  title: "a relay goes on with the next episode of its owner, without loss and leftovers",
  rules: ["RELAY-1", "STREAM-5"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M173",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, precondition, waitFor, watch } = context;
    const { chatId, script, owner, others } = await startTurn(
      context,
      [text("the first "), gate("first"), text("ends"), gate("first-end")],
      [text("the second "), gate("second"), text("ends too"), gate("second-end")],
    );
    const watcher = watch(chatId, { replica: others[0] });
    const isShown = (ending: string) =>
      waitFor(
        { rule: "RELAY-1", sentence: `"${ending}" is shown`, happens: showing(watcher, ending) },
        "relay_recovery",
      );
    await isShown("the first ");
    await arrange("a message for later", "response", () =>
      send(context, chatId, script.says("go on"), { whenBusy: WhenBusy.QUEUE }),
    );
    script.open("first");
    await isShown("the first ends");
    script.open("first-end");
    const call = await arrange("the next turn", "response", (signal) => script.call(1, { signal }));
    precondition(`${owner.name} runs it as well`, call.replica === owner.name);
    await isShown("the second ");
    script.open("second");
    await isShown("the second ends too");
    script.open("second-end");
    await waitFor(
      { rule: "RELAY-1", sentence: "both turns come to their ends", happens: idleWith(watcher, 4) },
      "response",
    );
    check("STREAM-5", "each episode is shown once and whole", {
      expected: ["the first ends", "the second ends too"],
      observed: deltasTold(watcher.events),
    });
  },
});
