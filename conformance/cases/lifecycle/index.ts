import type { Case } from "../../suite/cases/define-case.js";
import { archiveBlocksSend } from "./archive-blocks-send.js";
import { archiveRunningRefused } from "./archive-running-refused.js";
import { concurrentSends } from "./concurrent-sends.js";
import { createIdempotencyKey } from "./create-idempotency-key.js";
import { createReturnsIdentity } from "./create-returns-identity.js";
import { getUnknown } from "./get-unknown.js";
import { listStablePages } from "./list-stable-pages.js";
import { malformedId } from "./malformed-id.js";
import { metadataNotHistory } from "./metadata-not-history.js";
import { pageTokenTampered } from "./page-token-tampered.js";
import { sendVisibleAfterAck, sendVisibleOtherReplica } from "./send-visible.js";

export const cases: readonly Case[] = [
  createReturnsIdentity,
  createIdempotencyKey,
  getUnknown,
  malformedId,
  listStablePages,
  pageTokenTampered,
  sendVisibleAfterAck,
  sendVisibleOtherReplica,
  concurrentSends,
  archiveBlocksSend,
  archiveRunningRefused,
  metadataNotHistory,
];
