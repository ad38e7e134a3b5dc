import { create, toBinary } from "@bufbuild/protobuf";
import { SubscribeResponseSchema } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { envelope } from "../kit/wire.js";

/** As long as those of the server under test, about. */
const cursor = "c".repeat(14);

/** A delta, or several merged, as the protocol has them: the same bytes that a server of it sends. */
export function encodeDeltas(firstSeq: number, seq: number, text: string): Buffer {
  const value = {
    episode: { historyVersion: 2n, generationAttempt: 1 },
    firstSeq: BigInt(firstSeq),
    seq: BigInt(seq),
    role: Role.ASSISTANT,
    part: { kind: { case: "text" as const, value: { text } } },
    block: 1,
  };
  return encode({ case: "messagePart", value });
}

/** With it a subscription is live. */
export function encodeCaughtUp(): Buffer {
  return encode({ case: "caughtUp", value: {} });
}

type Event = NonNullable<Parameters<typeof create<typeof SubscribeResponseSchema>>[1]>;

function encode(event: NonNullable<NonNullable<Event["events"]>[number]["event"]>): Buffer {
  const response = create(SubscribeResponseSchema, { events: [{ event }], cursor });
  return envelope(toBinary(SubscribeResponseSchema, response));
}
