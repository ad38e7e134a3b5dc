import type { Case } from "../../suite/cases/define-case.js";
import { crashTakeover } from "./crash-takeover.js";
import { gracefulHandover } from "./graceful-handover.js";
import { idleNotRerun } from "./idle-not-rerun.js";
import { interruptWhileUnowned } from "./interrupt-while-unowned.js";
import { leaseRenewed } from "./lease-renewed.js";
import { oneModelCall } from "./one-model-call.js";
import { takeoverIsNewAttempt } from "./takeover-is-new-attempt.js";
import { zombieCannotCommit } from "./zombie-cannot-commit.js";

export const cases: readonly Case[] = [
  oneModelCall,
  crashTakeover,
  takeoverIsNewAttempt,
  zombieCannotCommit,
  gracefulHandover,
  interruptWhileUnowned,
  idleNotRerun,
  leaseRenewed,
];
