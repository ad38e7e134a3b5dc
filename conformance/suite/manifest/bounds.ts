import { z } from "zod";
import type { RuleId } from "../rules/requirements.js";
import { duration } from "./duration.js";

interface BoundDefinition {
  /** The longest that the protocol allows, and what holds when the manifest says nothing. */
  readonly maxMs: number;
  /** The rule that sets it; none for the suite's own. */
  readonly rule?: RuleId;
  readonly about: string;
}

/** How long what is waited for may take. A target may promise less than the protocol asks, never more. */
export const boundDefinitions = {
  response: { maxMs: 10_000, about: "an ordinary call, or an event that nothing holds up" },
  interrupt: { maxMs: 2_000, rule: "INT-1", about: "from an interrupt to the abort of the model call" },
  relay_recovery: { maxMs: 5_000, rule: "RELAY-5", about: "from a link that is back to the next delta" },
  relay_close: { maxMs: 1_000, rule: "RELAY-10", about: "from the end of a turn to the end of its relay" },
  keepalive: { maxMs: 10_000, rule: "RELAY-9", about: "until a silent peer is noticed" },
  notify_poll: { maxMs: 10_000, rule: "BUS-5", about: "until a lost notification is made up for" },
  start: { maxMs: 60_000, about: "from the start of a replica's process to its first answer" },
  lease: { maxMs: 30_000, rule: "OWN-2", about: "until the chat of a dead owner is taken over" },
  revocation: { maxMs: 30_000, rule: "AUTH-3", about: "from a revocation to the end of open streams" },
} as const satisfies Readonly<Record<string, BoundDefinition>>;

export type BoundName = keyof typeof boundDefinitions;
/** In milliseconds. */
export type Bounds = Readonly<Record<BoundName, number>>;

function bound(name: BoundName) {
  const { maxMs } = boundDefinitions[name];
  return duration(maxMs)
    .optional()
    .transform((ms) => ms ?? maxMs);
}

export const boundsSchema = z
  .strictObject({
    response: bound("response"),
    interrupt: bound("interrupt"),
    relay_recovery: bound("relay_recovery"),
    relay_close: bound("relay_close"),
    keepalive: bound("keepalive"),
    notify_poll: bound("notify_poll"),
    start: bound("start"),
    lease: bound("lease"),
    revocation: bound("revocation"),
  } satisfies Record<BoundName, unknown>)
  .prefault({});
