import type { Case } from "../../suite/cases/define-case.js";
import { afterRestart } from "./after-restart.js";
import { committedPartsNotReplayed } from "./committed-parts-not-replayed.js";
import { cursorBeforeEdit } from "./cursor-before-edit.js";
import { everyCursor } from "./every-cursor.js";
import { expiredBuffer } from "./expired-buffer.js";
import { idleChat } from "./idle-chat.js";
import { midEpisode } from "./mid-episode.js";
import { noCursorIsSnapshot } from "./no-cursor-is-snapshot.js";
import { noDuplicateCommit } from "./no-duplicate-commit.js";
import { otherReplica } from "./other-replica.js";
import { foreignCursor, garbageCursor } from "./refused-cursors.js";

export const cases: readonly Case[] = [
  everyCursor,
  noDuplicateCommit,
  midEpisode,
  committedPartsNotReplayed,
  cursorBeforeEdit,
  garbageCursor,
  foreignCursor,
  expiredBuffer,
  idleChat,
  noCursorIsSnapshot,
  otherReplica,
  afterRestart,
];
