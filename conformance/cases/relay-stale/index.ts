import type { Case } from "../../suite/cases/define-case.js";
import { dialCompletesAfterEdit } from "./dial-completes-after-edit.js";
import { dialCompletesAfterInterrupt } from "./dial-completes-after-interrupt.js";
import { dialCompletesAfterOwnerChange } from "./dial-completes-after-owner-change.js";
import { dialCompletesAfterTurnEnd } from "./dial-completes-after-turn-end.js";
import { dialCompletesAfterUnwatch } from "./dial-completes-after-unwatch.js";
import { oldDialFailsLate } from "./old-dial-fails-late.js";
import { oldLegSpeaksLate } from "./old-leg-speaks-late.js";
import { pendingDialBlocksNothing } from "./pending-dial-blocks-nothing.js";
import { sameOwnerNextEpisode } from "./same-owner-next-episode.js";
import { twoPendingLatestWins } from "./two-pending-latest-wins.js";

export const cases: readonly Case[] = [
  dialCompletesAfterInterrupt,
  dialCompletesAfterOwnerChange,
  dialCompletesAfterEdit,
  dialCompletesAfterTurnEnd,
  dialCompletesAfterUnwatch,
  oldLegSpeaksLate,
  oldDialFailsLate,
  pendingDialBlocksNothing,
  twoPendingLatestWins,
  sameOwnerNextEpisode,
];
