export { type PeerCredentials, Peers } from "./peers.js";
export { RelayMetrics } from "./relay-metrics.js";
export type { RelayOwner } from "./relay-machine.js";
export { createRelayService } from "./relay-service.js";
export { RelayedEpisodes } from "./relayed-episodes.js";
