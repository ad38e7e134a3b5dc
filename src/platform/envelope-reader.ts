import { envelopePrefixBytes } from "./envelope.js";

/** A message as it is on the wire: after a byte for flags and four for its length. */
export interface Envelope {
  readonly flags: number;
  readonly data: Uint8Array;
}

/** An envelope says that it is larger than what is read. */
export class EnvelopeTooLarge extends Error {
  constructor(limitBytes: number) {
    super(`larger than ${limitBytes} bytes`);
  }
}

/** Finds messages in the chunks that come, as gRPC, gRPC-Web and Connect put them into envelopes. */
export class EnvelopeReader {
  readonly #limitBytes: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #wanted = envelopePrefixBytes;

  /** `limitBytes`: of a message. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Whether an envelope has begun that has not ended. */
  get isIncomplete(): boolean {
    return this.#size > 0;
  }

  /**
   * All that are complete with this chunk, whose bytes they share.
   *
   * @throws EnvelopeTooLarge, before what is too large is kept
   */
  *read(chunk: Uint8Array): Generator<Envelope, void, undefined> {
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    if (this.#size < this.#wanted) return;
    // Put together only when there is enough: a large message comes in many chunks.
    let bytes = this.#chunks.length === 1 ? asBuffer(chunk) : Buffer.concat(this.#chunks, this.#size);
    this.#wanted = envelopePrefixBytes;
    while (bytes.length >= envelopePrefixBytes) {
      const length = bytes.readUInt32BE(1);
      if (length > this.#limitBytes) throw new EnvelopeTooLarge(this.#limitBytes);
      this.#wanted = envelopePrefixBytes + length;
      if (bytes.length < this.#wanted) break;
      yield { flags: bytes.readUInt8(0), data: bytes.subarray(envelopePrefixBytes, this.#wanted) };
      bytes = bytes.subarray(this.#wanted);
      this.#wanted = envelopePrefixBytes;
    }
    this.#size = bytes.length;
    this.#chunks = this.#size === 0 ? [] : [bytes];
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
