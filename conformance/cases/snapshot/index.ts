import type { Case } from "../../suite/cases/define-case.js";
import { completeBeforeLive } from "./complete-before-live.js";
import { hasStatus } from "./has-status.js";
import { joinAtEveryGate } from "./join-at-every-gate.js";
import { joinMidEpisodeRemote } from "./join-mid-episode-remote.js";
import { joinMidEpisode } from "./join-mid-episode.js";
import { limitAndOlder } from "./limit-and-older.js";
import { notSentTwice } from "./not-sent-twice.js";
import { oneCaughtUp } from "./one-caught-up.js";
import { oneCut } from "./one-cut.js";
import { truncatedAbsent } from "./truncated-absent.js";
import { turnEndsDuringDial } from "./turn-ends-during-dial.js";

export const cases: readonly Case[] = [
  completeBeforeLive,
  oneCaughtUp,
  hasStatus,
  joinMidEpisode,
  oneCut,
  joinAtEveryGate,
  limitAndOlder,
  truncatedAbsent,
  joinMidEpisodeRemote,
  notSentTwice,
  turnEndsDuringDial,
];
