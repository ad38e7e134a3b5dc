import { create, toJsonString } from "@bufbuild/protobuf";
import { SubscribeResponseSchema } from "../gen/palaver/chat/v1/chat_service_pb.js";
import { LastFew } from "../platform/index.js";
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
  last = known ?? { batch, codec, envelope: codec === "json" ? jsonEnvelope(batch) : binaryEnvelope(batch) };
  if (known === undefined) made.add(last);
  return last.envelope;
}

/** What was asked for last. */
let last: Made | undefined;

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
function isSame(a: StreamBatch, b: StreamBatch): boolean {
  return (
    a.cursor === b.cursor &&
    a.events.length === b.events.length &&
    a.events.every((event, index) => event === b.events[index])
  );
}
