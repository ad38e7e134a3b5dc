import type { Usage as ProtoUsage } from "../gen/palaver/chat/v1/message_pb.js";
import { type Usage, usageSchema } from "./stored-part.js";

/** What a message consumed, from the wire. Undefined when a count is negative or too large for an exact number. */
export function usageFromProto(usage: ProtoUsage): Usage | undefined {
  const count = (tokens: bigint | undefined): number | undefined =>
    tokens === undefined ? undefined : Number(tokens);
  const counts = {
    input_tokens: count(usage.inputTokens),
    output_tokens: count(usage.outputTokens),
    total_tokens: count(usage.totalTokens),
    reasoning_tokens: count(usage.reasoningTokens),
    cache_read_tokens: count(usage.cacheReadTokens),
    cache_write_tokens: count(usage.cacheWriteTokens),
    runtime_ms: Number(usage.runtimeMs),
  };
  const known = Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== undefined));
  return usageSchema.safeParse(known).data;
}
