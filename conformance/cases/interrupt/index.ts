import type { Case } from "../../suite/cases/define-case.js";
import { abortsModelCall } from "./aborts-model-call.js";
import { beforeFirstToken } from "./before-first-token.js";
import { idleRefused } from "./idle-refused.js";
import { keepsQueue } from "./keeps-queue.js";
import { noPartsAfter } from "./no-parts-after.js";
import { otherReplica } from "./other-replica.js";
import { partialCommitted } from "./partial-committed.js";
import { partialIsPrefix } from "./partial-is-prefix.js";
import { pendingToolCalls } from "./pending-tool-calls.js";
import { racesCompletion } from "./races-completion.js";
import { sendWithInterruptOrder } from "./send-with-interrupt-order.js";
import { twice } from "./twice.js";

export const cases: readonly Case[] = [
  abortsModelCall,
  partialCommitted,
  partialIsPrefix,
  idleRefused,
  twice,
  beforeFirstToken,
  pendingToolCalls,
  noPartsAfter,
  sendWithInterruptOrder,
  keepsQueue,
  racesCompletion,
  otherReplica,
];
