import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";

/** What became ready together, in order; never empty. At most 256 events and, unless it is one event, about 1 MiB. */
export interface StreamBatch {
  readonly events: readonly StreamEvent[];
  /** Where a later subscription goes on after them (STREAM-3). */
  readonly cursor: string;
}

export const maxBatchEvents = 256;
export const maxBatchSize = 1024 * 1024;
