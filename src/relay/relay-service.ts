import { create, toJsonString } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type RelayEvent,
  type RelayService,
  StreamDeltasResponseSchema,
} from "../gen/palaver/relay/v1/relay_service_pb.js";
import { envelopePrefixBytes, jsonEnvelope, sealEnvelope } from "../platform/index.js";
import { PalaverError } from "../protocol/index.js";
import type { EpisodeSource } from "../stream/index.js";
import { EpisodeFeed, type HeldDeltas } from "./episode-feed.js";
import { writeResponse } from "./relay-bytes.js";
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
    async *streamDeltas({ chatId, workerId, after }) {
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
      const source = new ServedFeed(new EpisodeFeed(episodes, chatId, held), metrics.serving());
      let isAccepted = false;
      try {
        // Says that the call is accepted.
        yield create(StreamDeltasResponseSchema);
        isAccepted = true;
      } finally {
        if (!isAccepted) source[Symbol.dispose]();
      }
      return { source, envelopeOf };
    },
  };
}

/** A feed as it is delivered, while it counts as served. */
class ServedFeed implements Disposable {
  readonly #feed: EpisodeFeed;
  readonly #serving: Disposable;

  constructor(feed: EpisodeFeed, serving: Disposable) {
    this.#feed = feed;
    this.#serving = serving;
  }

  take(): readonly RelayEvent[] | undefined {
    const events = this.#feed.take();
    return events.length > 0 ? events : undefined;
  }

  onReady(callback: Parameters<EpisodeFeed["onReady"]>[0]): void {
    this.#feed.onReady(callback);
  }

  [Symbol.dispose](): void {
    this.#feed[Symbol.dispose]();
    this.#serving[Symbol.dispose]();
  }
}

function envelopeOf(events: readonly RelayEvent[], codec: "binary" | "json"): Buffer {
  if (codec === "binary") return sealEnvelope(writeResponse(events, envelopePrefixBytes));
  const response = create(StreamDeltasResponseSchema, { events: [...events] });
  return jsonEnvelope(toJsonString(StreamDeltasResponseSchema, response));
}
