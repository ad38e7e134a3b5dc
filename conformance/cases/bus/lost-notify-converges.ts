import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, send } from "../kit/chats.js";
import { rename, titled, watchAt } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";
import { plainly } from "../kit/turns.js";

export const lostNotifyConverges = defineCase({
  id: "bus/lost-notify-converges",
  title: "a replica that hears no notification finds out by itself",
  rules: ["BUS-5"],
  level: "MUST",
  profile: "bus",
  needs: ["model", "replicas", "links"],
  mutant: "M15",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, links, model, precondition, replica, waitFor } = context;
    const [near, far] = [replica(0), replica(1)];
    const script = model.script([text("an answer")]);
    const { id: chatId } = await arrange("a chat", "response", () => createChat(context));
    const [atNear, atFar] = await watchAt(context, chatId, [near, far]);
    if (atNear === undefined || atFar === undefined) return;
    // What is said waits on the link, which looks as alive as before.
    const { bus: link } = links(far);
    const { mark } = link.journal;
    precondition("a connection to the bus is held", link.hold() > 0);
    await arrange("a new title", "response", () => rename(context, chatId, "another", { replica: near }));
    await waitFor(
      {
        rule: "BUS-5",
        sentence: "the title that nobody has told there is found",
        happens: titled("another")(atFar),
      },
      "notify_poll",
    );
    await arrange("a turn", "response", async (signal) => {
      await send(context, chatId, script.says("go"), { replica: near });
      await idleWith(atNear, 2)(signal);
    });
    const view = await waitFor(
      { rule: "BUS-5", sentence: "and so is the turn", happens: idleWith(atFar, 2) },
      "notify_poll",
    );
    check("BUS-5", "it is found whole", {
      expected: ["user: go", "assistant: an answer"],
      observed: plainly(view.messages.values()),
    });
    precondition("notifications were held on the link", link.journal.count("held", mark) > 0);
  },
});
