import type { Case } from "../../suite/cases/define-case.js";
import { deltaKinds } from "./delta-kinds.js";
import { historyChangeNewEpisode } from "./history-change-new-episode.js";
import { idOnEveryPart } from "./id-on-every-part.js";
import { lateWatcherGrace } from "./late-watcher-grace.js";
import { newAttemptResets } from "./new-attempt-resets.js";
import { noneInAttemptZero } from "./none-in-attempt-zero.js";
import { oldAttemptSilent } from "./old-attempt-silent.js";
import { toolLoopSteps } from "./tool-loop-steps.js";

export const cases: readonly Case[] = [
  idOnEveryPart,
  newAttemptResets,
  noneInAttemptZero,
  historyChangeNewEpisode,
  toolLoopSteps,
  deltaKinds,
  lateWatcherGrace,
  oldAttemptSilent,
];
