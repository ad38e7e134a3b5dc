import type { TurnDeps } from "../../src/agent/index.js";
import { silentLogger, systemClock } from "../../src/platform/index.js";
import { type Database, readHistory } from "../../src/store/index.js";
import { DeltaLog } from "../../src/stream/index.js";
import { createToolRegistry } from "../../src/tools/index.js";

/** What a turn without tools and files needs, beside its chats and its models. */
export function turnDeps(database: Database): Omit<TurnDeps, "chats" | "models"> {
  return {
    readHistory: (chatId) => readHistory(database, chatId),
    readFiles: async () => new Map(),
    tools: createToolRegistry([]),
    deltaLog: new DeltaLog({ clock: systemClock }),
    clock: systemClock,
    logger: silentLogger,
    silence: { firstEventMs: 10_000, idleMs: 10_000 },
    toolTimeoutMs: 1_000,
    maxStepWeight: 1_000_000,
  };
}
