import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";

/**
 * The text of a cursor: a byte that says what kind it is, a payload, and a checksum, in base64url. It is opaque to clients, and
 * nothing in it is secret or trusted: a cursor grants nothing, and anyone can make one of anything. The checksum tells text that was
 * damaged or cut off; what a decoded payload says still has to be checked like every other input.
 *
 * `kind` is a number from 0 to 255 for one kind of position in one version of its payload. It is never given to another kind.
 */
export function encodeCursorText(kind: number, payload: Uint8Array): string {
  const bytes = new Uint8Array(1 + payload.length + checksumBytes);
  bytes[0] = kind;
  bytes.set(payload, 1);
  const end = bytes.length - checksumBytes;
  new DataView(bytes.buffer).setUint32(end, crc32(bytes.subarray(0, end)));
  return base64Encode(bytes, "url");
}

/** The payload of a cursor; undefined when the text is none, was damaged, or is of another kind. */
export function decodeCursorText(kind: number, text: string): Uint8Array | undefined {
  const bytes = decodeBase64(text);
  const end = bytes.length - checksumBytes;
  if (end < 1 || bytes[0] !== kind) return undefined;
  const checksum = new DataView(bytes.buffer, bytes.byteOffset).getUint32(end);
  // There is one text for each position: other spellings of the same bytes were not given out by anyone.
  if (checksum !== crc32(bytes.subarray(0, end)) || base64Encode(bytes, "url") !== text) return undefined;
  return bytes.subarray(1, end);
}

const checksumBytes = 4;

function decodeBase64(text: string): Uint8Array {
  try {
    return base64Decode(text);
  } catch {
    return new Uint8Array();
  }
}

/** CRC-32 (ISO 3309), bit by bit: cursors are short. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
