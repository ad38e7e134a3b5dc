export type { SilenceLimits } from "./generate.js";
export { type Lease, runTurn, type TurnDeps } from "./turn.js";
export { TurnControl } from "./turn-control.js";
