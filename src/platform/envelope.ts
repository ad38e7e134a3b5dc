/** What stands before a message in its envelope, the same for gRPC, gRPC-Web and Connect: a byte for flags, and its length. */
export const envelopePrefixBytes = 5;

/** Fills in what stands before the message, for which its bytes begin with room; no flag is set. The same bytes are returned. */
export function sealEnvelope(bytes: Buffer): Buffer {
  bytes[0] = 0;
  bytes.writeUInt32BE(bytes.length - envelopePrefixBytes, 1);
  return bytes;
}

/** The message, which is JSON, in its envelope. */
export function jsonEnvelope(json: string): Buffer {
  const bytes = Buffer.allocUnsafe(envelopePrefixBytes + Buffer.byteLength(json));
  bytes.write(json, envelopePrefixBytes);
  return sealEnvelope(bytes);
}
