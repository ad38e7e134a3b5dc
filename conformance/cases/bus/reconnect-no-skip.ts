import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, send } from "../kit/chats.js";
import { cutOffBus, watchAt } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";
import { plainly } from "../kit/turns.js";

const rounds = ["one", "two", "three"];

export const reconnectNoSkip = defineCase({
  id: "bus/reconnect-no-skip",
  title: "a replica that loses the bus again and again misses nothing of what happens meanwhile",
  rules: ["BUS-5"],
  level: "MUST",
  profile: "bus",
  needs: ["model", "replicas", "links"],
  mutant: "M15",
  limitMs: 90_000,
  run: async (context) => {
    const { arrange, check, links, model, precondition, replica, waitFor } = context;
    const [near, far] = [replica(0), replica(1)];
    const script = model.script(...rounds.map((round) => [text(`answer ${round}`)]));
    const { id: chatId } = await arrange("a chat", "response", () => createChat(context));
    const [atNear, atFar] = await watchAt(context, chatId, [near, far]);
    if (atNear === undefined || atFar === undefined) return;
    for (const [index, round] of rounds.entries()) {
      const count = 2 * (index + 1);
      const [cut = 0] = cutOffBus(context, [far]);
      precondition("a connection to the bus is lost", cut > 0);
      await arrange(`turn ${round}, of which nobody tells it`, "response", async (signal) => {
        await send(context, chatId, script.says(round), { replica: near });
        await idleWith(atNear, count)(signal);
      });
      const { mark } = links(far).bus.journal;
      links(far).bus.mend();
      await waitFor(
        {
          rule: "BUS-5",
          sentence: `turn ${round} is found when the bus is back`,
          happens: idleWith(atFar, count),
        },
        "notify_poll",
      );
      // So that the next cut hits something.
      await arrange("it is connected again", "notify_poll", () =>
        links(far).bus.journal.seen("connected", { since: mark }),
      );
    }
    check("BUS-5", "nothing was missed, nothing came twice", {
      expected: rounds.flatMap((round) => [`user: ${round}`, `assistant: answer ${round}`]),
      observed: plainly(
        atFar.events.flatMap((event) => (event.case === "message" ? (event.value.message ?? []) : [])),
      ),
    });
  },
});
