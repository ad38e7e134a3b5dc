export type { Bus } from "./bus.js";
export { LocalBus } from "./local-bus.js";
export { connectNatsBus } from "./nats-bus.js";
export { PolledBus } from "./polled-bus.js";
export { probeNats } from "./probe-nats.js";
