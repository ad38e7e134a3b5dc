import { create, toJsonString } from "@bufbuild/protobuf";
import { SubscribeResponseSchema } from "../gen/palaver/chat/v1/chat_service_pb.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { LastFew } from "../platform/index.js";
import type { StreamBatch } from "../stream/index.js";
import { responseBytes } from "./response-bytes.js";

/** How messages are written. The envelope around them is the same for gRPC, gRPC-Web and Connect. */
export type Codec = "binary" | "json";

interface Made extends StreamBatch {
  readonly codec: Codec;
  readonly envelope: Uint8Array;
}

/** Events are shared by all subscribers of a chat, who are served one after the other: what they get is made once for all of them. */
const made = new LastFew<Made>(8);

/** The batch as a `SubscribeResponse` on the wire: a byte for flags, none of which is set; its length; the message. */
export function envelopeOf({ events, cursor }: StreamBatch, codec: Codec): Uint8Array {
  if (events.length === 0) throw new RangeError("a batch has at least one event");
  const known = made.find(
    (other) => other.codec === codec && other.cursor === cursor && isSame(other.events, events),
  );
  if (known !== undefined) return known.envelope;
  const envelope = codec === "json" ? jsonEnvelope({ events, cursor }) : binaryEnvelope({ events, cursor });
  made.add({ events, cursor, codec, envelope });
  return envelope;
}

function jsonEnvelope({ events, cursor }: StreamBatch): Uint8Array {
  const response = create(SubscribeResponseSchema, { events: [...events], cursor });
  const json = toJsonString(SubscribeResponseSchema, response);
  const envelope = Buffer.alloc(prefixLength + Buffer.byteLength(json));
  envelope.write(json, prefixLength);
  return withPrefix(envelope);
}

function binaryEnvelope(batch: StreamBatch): Uint8Array {
  return withPrefix(responseBytes(batch, prefixLength));
}

/** Says in the bytes that are left free for it how long what follows them is. */
function withPrefix(envelope: Uint8Array): Uint8Array {
  const length = envelope.length - prefixLength;
  for (let index = 1; index < prefixLength; index += 1)
    envelope[index] = length >>> (8 * (prefixLength - 1 - index));
  return envelope;
}

const prefixLength = 5;

/** The very same events: nobody changes them. */
function isSame(a: readonly StreamEvent[], b: readonly StreamEvent[]): boolean {
  return a === b || (a.length === b.length && a.every((event, index) => event === b[index]));
}
