import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";

/**
 * The text of a cursor: a payload and a checksum, in base64url. It is opaque to clients, and nothing in it is secret or trusted: a cursor
 * grants nothing, and anyone can make one of anything. It comes with every delta, so it carries nothing that both sides know: its `kind`,
 * and its `subject`, whose position it is, go into the checksum only. What is of another kind or subject is then told like text that was
 * damaged or cut off.
 *
 * The checksum has three bytes, which is enough for accidents: it tells every damage of up to 24 bits in a row, and of the others all but
 * one in 16 million. What a decoded payload says still has to be checked like every other input.
 *
 * `kind` is a number from 0 to 255 for one kind of position in one form of its payload. It is never given to another: whoever reads
 * several forms tries one after the other.
 */
export function encodeCursorText(kind: number, subject: string, payload: Uint8Array): string {
  const end = payload.length;
  const bytes = new Uint8Array(end + checksumBytes);
  bytes.set(payload);
  let crc = crcOf(kind, subject);
  for (const byte of payload) crc = addToCrc(crc, byte);
  const checksum = ~crc & 0xffffff;
  bytes[end] = checksum >>> 16;
  bytes[end + 1] = checksum >>> 8;
  bytes[end + 2] = checksum;
  return base64Encode(bytes, "url");
}

/** The payload of a cursor; undefined when the text is none, was damaged, or is of another kind or subject. */
export function decodeCursorText(kind: number, subject: string, text: string): Uint8Array | undefined {
  const bytes = decodeBase64(text);
  if (bytes.length < checksumBytes) return undefined;
  const payload = bytes.subarray(0, -checksumBytes);
  // There is one text for each payload: other spellings of the same bytes, or of their checksum, were not given out by anyone.
  return encodeCursorText(kind, subject, payload) === text ? payload : undefined;
}

const checksumBytes = 3;

function decodeBase64(text: string): Uint8Array {
  try {
    return base64Decode(text);
  } catch {
    return new Uint8Array();
  }
}

/**
 * CRC-24 (Interlaken Protocol Definition 1.2) of the kind, the UTF-16 of the subject, and then the payload. It ends with a complement: without
 * one, as in OpenPGP, any cursor would stay whole with zeros added to it. Up to the payload it is the same for all cursors of a subject, and
 * those come one after the other.
 */
function crcOf(kind: number, subject: string): number {
  if (last.kind === kind && last.subject === subject) return last.crc;
  let crc = addToCrc(crcStart, kind);
  for (let index = 0; index < subject.length; index += 1) {
    const unit = subject.charCodeAt(index);
    crc = addToCrc(addToCrc(crc, unit >>> 8), unit & 0xff);
  }
  last = { kind, subject, crc };
  return crc;
}

/** What was asked for last. */
let last = { kind: Number.NaN, subject: "", crc: 0 };

const crcStart = 0xffffff;
const crcPolynomial = 0x1328b63;

function addToCrc(crc: number, byte: number): number {
  return ((crc & 0xffff) << 8) ^ (crcTable[(crc >>> 16) ^ byte] ?? 0);
}

/** What each byte that leaves the register adds to it. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 16;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc << 1) ^ (crc & 0x800000 ? crcPolynomial : 0);
  return crc;
});
