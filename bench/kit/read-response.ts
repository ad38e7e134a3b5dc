/** What a subscriber that only counts wants to know of a SubscribeResponse. */
export interface ResponseSink {
  /** A fragment: deltas `firstSeq` to `seq`, whose text stands at these bytes. */
  messagePart(firstSeq: number, seq: number, bytes: Buffer, textStart: number, textEnd: number): void;
  /** Any other event, by its field number in StreamEvent. */
  other(field: number): void;
}

const wireVarint = 0;
const wireLengthDelimited = 2;

// Read by hand, without making an object: a client that is slower than the server would be what is measured.
let at = 0;

function varint(bytes: Buffer): number {
  let value = 0;
  let factor = 1;
  for (;;) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 128;
  }
}

function skip(bytes: Buffer, wireType: number): void {
  if (wireType === wireVarint) varint(bytes);
  else if (wireType === wireLengthDelimited) {
    const length = varint(bytes);
    at += length;
  } else throw new Error(`wire type ${wireType} stands in no SubscribeResponse`);
}

/** Reads a `palaver.chat.v1.SubscribeResponse` (protobuf, binary). The numbers of fields are those of event.proto and message.proto. */
export function readResponse(bytes: Buffer, start: number, end: number, sink: ResponseSink): void {
  at = start;
  while (at < end) {
    const tag = varint(bytes);
    if (tag !== ((1 << 3) | wireLengthDelimited)) {
      skip(bytes, tag & 7);
      continue;
    }
    const length = varint(bytes);
    const next = at + length;
    readEvent(bytes, next, sink);
    at = next;
  }
}

function readEvent(bytes: Buffer, end: number, sink: ResponseSink): void {
  while (at < end) {
    const field = varint(bytes) >>> 3;
    const length = varint(bytes);
    const next = at + length;
    if (field === 3) readMessagePart(bytes, next, sink);
    else sink.other(field);
    at = next;
  }
}

function readMessagePart(bytes: Buffer, end: number, sink: ResponseSink): void {
  let firstSeq = 0;
  let seq = 0;
  let textStart = 0;
  let textEnd = 0;
  while (at < end) {
    const tag = varint(bytes);
    switch (tag >>> 3) {
      case 2:
        firstSeq = varint(bytes);
        break;
      case 3:
        seq = varint(bytes);
        break;
      case 5: {
        const length = varint(bytes);
        const next = at + length;
        textEnd = next;
        textStart = startOfText(bytes, next);
        at = next;
        break;
      }
      default:
        skip(bytes, tag & 7);
    }
  }
  sink.messagePart(firstSeq, seq, bytes, textStart, textEnd);
}

/** Part.text (1) holds TextPart, whose text (1) is all it has; of another part nothing is taken. */
function startOfText(bytes: Buffer, end: number): number {
  for (let level = 0; level < 2; level++) {
    if (varint(bytes) !== ((1 << 3) | wireLengthDelimited)) return end;
    varint(bytes);
  }
  return at;
}
