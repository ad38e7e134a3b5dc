export type { SilenceLimits } from "./generate.js";
export { type Lease, runTurn, type TurnDeps, type TurnEnd } from "./turn.js";
export { TurnControl } from "./turn-control.js";
