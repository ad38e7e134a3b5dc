import type { Case } from "../../suite/cases/define-case.js";
import { busyEnqueues } from "./busy-enqueues.js";
import { deleteQueued } from "./delete.js";
import { errorHolds } from "./error-holds.js";
import { eventIsFullList } from "./event-is-full-list.js";
import { fifo } from "./fifo.js";
import { keepsAttributes } from "./keeps-attributes.js";
import { limit } from "./limit.js";
import { promote } from "./promote.js";
import { promotedOnce } from "./promoted-once.js";
import { sendAfterError } from "./send-after-error.js";
import { survivesRestart } from "./survives-restart.js";

export const cases: readonly Case[] = [
  busyEnqueues,
  fifo,
  eventIsFullList,
  deleteQueued,
  promote,
  limit,
  errorHolds,
  sendAfterError,
  keepsAttributes,
  survivesRestart,
  promotedOnce,
];
