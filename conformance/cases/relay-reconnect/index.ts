import type { Case } from "../../suite/cases/define-case.js";
import { blackHole } from "./black-hole.js";
import { clientStreamSurvives } from "./client-stream-survives.js";
import { dropAtCommit } from "./drop-at-commit.js";
import { dropBeforeFirstPart } from "./drop-before-first-part.js";
import { dropMidEpisodeRecovers } from "./drop-mid-episode-recovers.js";
import { eofIsNotCompletion } from "./eof-is-not-completion.js";
import { flapping } from "./flapping.js";
import { identicalTokens } from "./identical-tokens.js";
import { linkStaysDown } from "./link-stays-down.js";
import { noDuplicate } from "./no-duplicate.js";
import { noGap } from "./no-gap.js";
import { redialFreshOwner } from "./redial-fresh-owner.js";

export const cases: readonly Case[] = [
  dropMidEpisodeRecovers,
  noDuplicate,
  noGap,
  identicalTokens,
  dropBeforeFirstPart,
  dropAtCommit,
  eofIsNotCompletion,
  flapping,
  linkStaysDown,
  blackHole,
  clientStreamSurvives,
  redialFreshOwner,
];
