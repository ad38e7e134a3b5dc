import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M200",
  title: "deltas name the attempt before their own",
  edits: [
    {
      file: "src/stream/episode-log.ts",
      find: "create(EpisodeSchema, { historyVersion: BigInt(historyVersion), generationAttempt })",
      replace:
        "create(EpisodeSchema, { historyVersion: BigInt(historyVersion), generationAttempt: generationAttempt - 1 })",
    },
  ],
  kills: ["episode/id-on-every-part", "episode/none-in-attempt-zero"],
  spares: ["edit/only-user-messages", "status/list-watch-own-only"],
};
