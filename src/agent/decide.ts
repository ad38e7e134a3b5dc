import type { OpenCall } from "../chat/index.js";
import type { Role } from "../protocol/index.js";

/** At most this many model calls answer one user message. */
export const maxStepsPerTurn = 200;

export type NextStep =
  | { readonly type: "run-tools"; readonly calls: readonly OpenCall[] }
  | { readonly type: "call-model" }
  | { readonly type: "finish-turn"; readonly why: "answered" | "nothing-to-answer" | "step-limit" };

/**
 * What a turn does next. A turn is a fold over durable history: whoever reads the same history goes on in the same way, so any
 * worker can go on where another stopped.
 */
export function decide(
  history: readonly { readonly role: Role }[],
  openCalls: readonly OpenCall[],
): NextStep {
  if (openCalls.length > 0) return { type: "run-tools", calls: openCalls };
  const last = history.at(-1);
  if (last === undefined || last.role === "system") return { type: "finish-turn", why: "nothing-to-answer" };
  if (last.role === "assistant") return { type: "finish-turn", why: "answered" };
  return stepsSinceUser(history) >= maxStepsPerTurn
    ? { type: "finish-turn", why: "step-limit" }
    : { type: "call-model" };
}

function stepsSinceUser(history: readonly { readonly role: Role }[]): number {
  const lastUser = history.findLastIndex((message) => message.role === "user");
  return history.slice(lastUser + 1).filter((message) => message.role === "assistant").length;
}
