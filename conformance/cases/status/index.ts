import type { Case } from "../../suite/cases/define-case.js";
import { errorHasPayload } from "./error-has-payload.js";
import { getAndWatchAgree } from "./get-and-watch-agree.js";
import { interruptingIsBrief } from "./interrupting-is-brief.js";
import { legalTransitions } from "./legal-transitions.js";
import { listWatchChanges } from "./list-watch-changes.js";
import { listWatchConverges } from "./list-watch-converges.js";
import { listWatchCursor } from "./list-watch-cursor.js";
import { listWatchDeletions } from "./list-watch-deletions.js";
import { listWatchOwnOnly } from "./list-watch-own-only.js";
import { listWatchResumes } from "./list-watch-resumes.js";
import { listWatchWholeList } from "./list-watch-whole-list.js";
import { oncePerChange } from "./once-per-change.js";
import { oneTerminalPerTurn } from "./one-terminal-per-turn.js";

export const cases: readonly Case[] = [
  legalTransitions,
  oncePerChange,
  oneTerminalPerTurn,
  errorHasPayload,
  getAndWatchAgree,
  interruptingIsBrief,
  listWatchOwnOnly,
  listWatchConverges,
  listWatchWholeList,
  listWatchChanges,
  listWatchResumes,
  listWatchDeletions,
  listWatchCursor,
];
