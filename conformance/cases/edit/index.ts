import type { Case } from "../../suite/cases/define-case.js";
import { clearsQueue } from "./clears-queue.js";
import { concurrent } from "./concurrent.js";
import { keepsPrefix } from "./keeps-prefix.js";
import { onlyUserMessages } from "./only-user-messages.js";
import { promptMatches } from "./prompt-matches.js";
import { remoteWatcher } from "./remote-watcher.js";
import { resetBeforeResend } from "./reset-before-resend.js";
import { truncatesSuffix } from "./truncates-suffix.js";
import { unknownMessage } from "./unknown-message.js";
import { whileRunning } from "./while-running.js";

export const cases: readonly Case[] = [
  truncatesSuffix,
  resetBeforeResend,
  keepsPrefix,
  clearsQueue,
  whileRunning,
  onlyUserMessages,
  unknownMessage,
  promptMatches,
  concurrent,
  remoteWatcher,
];
