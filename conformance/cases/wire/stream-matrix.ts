import { defineCase } from "../../suite/cases/define-case.js";
import { streamedTurn } from "./streamed-turn.js";

export const streamMatrix = defineCase({
  id: "wire/stream-matrix",
  title: "Subscribe works over each wire: the past, deltas as they come, and the commit",
  rules: ["COMPAT-3", "STREAM-8"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M33",
  wires: "each",
  limitMs: 60_000,
  run: async (context) => {
    await streamedTurn(context);
  },
});
