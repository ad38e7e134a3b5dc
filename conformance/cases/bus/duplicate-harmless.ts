import { announced } from "../kit/cluster.js";
import { harmlessHint } from "./harmless-hint.js";

export const duplicateHarmless = harmlessHint({
  id: "bus/duplicate-harmless",
  title: "a notification that comes again changes nothing",
  rule: "BUS-4",
  mutant: "M14",
  say: async (context, { idle, running }) => {
    let said = 0;
    for (const chatId of [idle, running]) {
      const newest = announced(context, chatId).at(-1);
      if (newest === undefined) continue;
      for (let times = 0; times < 3; times += 1) await context.bus.repeat(newest);
      said += 3;
    }
    return said;
  },
});
