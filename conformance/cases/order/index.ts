import type { Case } from "../../suite/cases/define-case.js";
import { blockOrder } from "./block-order.js";
import { callBeforeResult } from "./call-before-result.js";
import { commitBeforeIdle } from "./commit-before-idle.js";
import { commitEqualsParts } from "./commit-equals-parts.js";
import { emptyTurn } from "./empty-turn.js";
import { partsBeforeCommit } from "./parts-before-commit.js";
import { seqContiguous } from "./seq-contiguous.js";
import { splitCodePoint } from "./split-code-point.js";
import { tenThousandParts } from "./ten-thousand-parts.js";
import { twoReplicasAgree } from "./two-replicas-agree.js";
import { twoWatchersAgree } from "./two-watchers-agree.js";
import { userBeforeAnswer } from "./user-before-answer.js";

export const cases: readonly Case[] = [
  seqContiguous,
  partsBeforeCommit,
  commitEqualsParts,
  userBeforeAnswer,
  blockOrder,
  callBeforeResult,
  commitBeforeIdle,
  twoWatchersAgree,
  splitCodePoint,
  tenThousandParts,
  emptyTurn,
  twoReplicasAgree,
];
