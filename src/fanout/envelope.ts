import { create, toJsonString } from "@bufbuild/protobuf";
import { SubscribeResponseSchema } from "../gen/palaver/chat/v1/chat_service_pb.js";
import { envelopePrefixBytes, jsonEnvelope, LastFew, sealEnvelope } from "../platform/index.js";
import type { StreamBatch } from "../stream/index.js";
import { responseBytes } from "./response-bytes.js";

/** How messages are written. The envelope around them is the same for gRPC, gRPC-Web and Connect. */
export type Codec = "binary" | "json";

interface Made {
  readonly batch: StreamBatch;
  readonly codec: Codec;
  readonly envelope: Uint8Array;
}

/** Events are shared by all subscribers of a chat, who are served one after the other: what they get is made once for all of them. */
const made = new LastFew<Made>(8);

/** The batch as a `SubscribeResponse` on the wire: a byte for flags, none of which is set; its length; the message. */
export function envelopeOf(batch: StreamBatch, codec: Codec): Uint8Array {
  if (last?.batch === batch && last.codec === codec) return last.envelope;
  if (batch.events.length === 0) throw new RangeError("a batch has at least one event");
  const known = made.find((other) => other.codec === codec && isSame(other.batch, batch));
  last = known ?? { batch, codec, envelope: bytesOf(batch, codec) };
  if (known === undefined) made.add(last);
  return last.envelope;
}

/** What was asked for last. */
let last: Made | undefined;

function bytesOf(batch: StreamBatch, codec: Codec): Buffer {
  if (codec === "binary") return sealEnvelope(responseBytes(batch, envelopePrefixBytes));
  const { events, cursor } = batch;
  const response = create(SubscribeResponseSchema, { events: [...events], cursor });
  return jsonEnvelope(toJsonString(SubscribeResponseSchema, response));
}

/** The very same events: nobody changes them. */
function isSame(a: StreamBatch, b: StreamBatch): boolean {
  return (
    a.cursor === b.cursor &&
    a.events.length === b.events.length &&
    a.events.every((event, index) => event === b.events[index])
  );
}
