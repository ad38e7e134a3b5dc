import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { showing } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

export const eofIsNotCompletion = defineCase({
  id: "relay-reconnect/eof-is-not-completion",
  title: "a connection that was cut is not taken for the end of the episode",
  rules: ["RELAY-6"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M07",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, client, fence, never, precondition, waitFor } = context;
    const { turn, watcher, relay } = await shownUpTo(context, "shown ", [
      text("shown "),
      gate("cut"),
      text("and more"),
      gate("end"),
    ]);
    const mark = watcher.events.length;
    precondition("the link drops", relay.sever() > 0);
    await arrange("a title", "response", () =>
      client({ replica: turn.others[0] }).unary(ChatService.method.updateChat, {
        chat: { id: turn.chatId, title: "after the cut" },
        updateMask: { paths: ["title"] },
      }),
    );
    await fence("what came after the cut is told", "response", (signal) =>
      watcher.until("the title", ({ chat }) => chat?.title === "after the cut", { signal }),
    );
    relay.mend();
    turn.script.open("cut");
    await waitFor(
      { rule: "RELAY-6", sentence: "the episode goes on", happens: showing(watcher, "and more") },
      "relay_recovery",
    );
    const endings = ["previewReset", "message", "status", "historyReset"];
    never(
      "RELAY-6",
      "nothing says that the episode is over",
      watcher.events.slice(mark).flatMap(({ case: name }) => (endings.includes(name ?? "") ? [name] : [])),
    );
  },
});
