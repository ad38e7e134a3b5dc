import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { type RelayService, StreamDeltasResponseSchema } from "../gen/palaver/relay/v1/relay_service_pb.js";
import { PalaverError } from "../protocol/index.js";
import type { EpisodeSource } from "../stream/index.js";
import { EpisodeFeed, type HeldDeltas } from "./episode-feed.js";
import type { RelayMetrics } from "./relay-metrics.js";

/** What this replica's running steps show, for its peers. Who may call is decided before. */
export function createRelayService(deps: {
  readonly replicaId: string;
  /** What this replica generates, and nothing that it has from others. */
  readonly episodes: EpisodeSource;
  readonly metrics: RelayMetrics;
}): ServiceImpl<typeof RelayService> {
  const { replicaId, episodes, metrics } = deps;
  return {
    async *streamDeltas({ chatId, workerId, after }, { signal }) {
      if (workerId !== replicaId)
        throw new PalaverError("failed_precondition", "WRONG_WORKER", "This is another replica.");
      let held: HeldDeltas | undefined;
      if (after?.episode !== undefined) {
        const { historyVersion, generationAttempt } = after.episode;
        held = {
          episode: { historyVersion: Number(historyVersion), generationAttempt },
          seq: Number(after.seq),
        };
      }
      using _serving = metrics.serving();
      using feed = new EpisodeFeed(episodes, chatId, held);
      yield create(StreamDeltasResponseSchema);
      while (!signal.aborted) {
        const events = feed.take();
        if (events.length > 0) yield create(StreamDeltasResponseSchema, { events });
        else await feed.changed(signal);
      }
    },
  };
}
