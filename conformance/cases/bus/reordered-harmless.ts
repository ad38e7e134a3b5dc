import { announced } from "../kit/cluster.js";
import { harmlessHint } from "./harmless-hint.js";

export const reorderedHarmless = harmlessHint({
  id: "bus/reordered-harmless",
  title: "notifications of older versions after newer ones change nothing",
  rule: "BUS-4",
  mutant: "M14",
  say: async (context, { idle, running }) => {
    const older = [idle, running].flatMap((chatId) => announced(context, chatId).slice(0, -1).reverse());
    for (const message of older) await context.bus.repeat(message);
    return older.length;
  },
});
