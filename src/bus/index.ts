export type { Bus } from "./bus.js";
export { LocalBus } from "./local-bus.js";
