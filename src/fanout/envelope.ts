import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { SubscribeResponseSchema } from "../gen/palaver/chat/v1/chat_service_pb.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { StreamBatch } from "../stream/index.js";

/** How messages are written. The envelope around them is the same for gRPC, gRPC-Web and Connect. */
export type Codec = "binary" | "json";

interface Made extends StreamBatch {
  readonly envelope: Uint8Array;
}

/** The newest envelope that begins with an event. Events are shared by all subscribers of a chat, so it is made once for all of them. */
const made: Readonly<Record<Codec, WeakMap<StreamEvent, Made>>> = {
  binary: new WeakMap(),
  json: new WeakMap(),
};

/** The batch as a `SubscribeResponse` on the wire: a byte for flags, none of which is set; its length; the message. */
export function envelopeOf({ events, cursor }: StreamBatch, codec: Codec): Uint8Array {
  const [first] = events;
  if (first === undefined) throw new RangeError("a batch has at least one event");
  const known = made[codec].get(first);
  if (known !== undefined && known.cursor === cursor && isSame(known.events, events)) return known.envelope;
  const envelope = encode({ events, cursor }, codec);
  made[codec].set(first, { events, cursor, envelope });
  return envelope;
}

function encode({ events, cursor }: StreamBatch, codec: Codec): Uint8Array {
  const response = create(SubscribeResponseSchema, { events: [...events], cursor });
  const message =
    codec === "json"
      ? Buffer.from(toJsonString(SubscribeResponseSchema, response))
      : toBinary(SubscribeResponseSchema, response);
  const envelope = Buffer.allocUnsafe(prefixLength + message.length);
  envelope.writeUInt8(0, 0);
  envelope.writeUInt32BE(message.length, 1);
  envelope.set(message, prefixLength);
  return envelope;
}

const prefixLength = 5;

/** The very same events: nobody changes them. */
function isSame(a: readonly StreamEvent[], b: readonly StreamEvent[]): boolean {
  return a.length === b.length && a.every((event, index) => event === b[index]);
}
