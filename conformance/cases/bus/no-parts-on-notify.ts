import { gate, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { announced, heldTurn, rename, titled, watchAt } from "../kit/cluster.js";
import { idleWith, showing } from "../kit/relays.js";

export const noPartsOnNotify = defineCase({
  id: "bus/no-parts-on-notify",
  title: "deltas never travel on the subjects of notifications",
  rules: ["BUS-8"],
  level: "MUST",
  profile: "bus",
  needs: ["model", "replicas", "bus"],
  mutant: "M194",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, bus, check, fence, never, random, waitFor } = context;
    const word = `word-${random.nonce()} `;
    const turn = await heldTurn(context, [
      gate("middle"),
      text(word.repeat(50), { pieces: Array.from({ length: 50 }, () => word) }),
      gate("said"),
    ]);
    const [watcher] = await watchAt(context, turn.chatId, [turn.others[0]]);
    if (watcher === undefined) return;
    const versions = () =>
      new Set(announced(context, turn.chatId).map(({ notification }) => notification?.snapshotVersion));
    const rest = async (title: string): Promise<unknown> =>
      fence(`the title ${title} is announced`, "notify_poll", async (signal) => {
        const renamed = await rename(context, turn.chatId, title, { replica: turn.owner });
        await titled(title)(watcher)(signal);
        await bus.until(
          "its version",
          () => versions().has(renamed?.versions?.snapshotVersion) || undefined,
          { signal },
        );
      });
    await rest("before");
    const before = versions();
    turn.script.open("middle");
    await arrange("all deltas are shown", "relay_recovery", showing(watcher, word));
    await rest("after");
    check("BUS-8", "between the first delta and the last no version is announced but that of the title", {
      expected: before.size + 1,
      observed: versions().size,
    });
    turn.script.open("said");
    await waitFor(
      { rule: "BUS-8", sentence: "the turn comes to its end", happens: idleWith(watcher, 2) },
      "response",
    );
    never(
      "BUS-8",
      "no payload has a fragment in it",
      bus.messages.filter(({ bytes }) => Buffer.from(bytes).toString("utf8").includes(word.trim())),
    );
  },
});
