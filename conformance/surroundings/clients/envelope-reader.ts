/** A message in a stream of gRPC-Web or Connect: a byte of flags, four of length, and the message. */
export interface Envelope {
  readonly flags: number;
  readonly bytes: Uint8Array;
}

const headLength = 5;

/** Finds the envelopes in bytes that come in pieces. */
export class EnvelopeReader {
  #kept = Buffer.alloc(0);

  /** The envelopes that are complete now. */
  read(piece: Uint8Array): Envelope[] {
    this.#kept = Buffer.concat([this.#kept, piece]);
    const envelopes: Envelope[] = [];
    while (this.#kept.length >= headLength) {
      const end = headLength + this.#kept.readUInt32BE(1);
      if (this.#kept.length < end) break;
      // Copies: the rest of the buffer is not kept alive by a small message.
      const bytes = new Uint8Array(this.#kept.subarray(headLength, end));
      envelopes.push({ flags: this.#kept[0] ?? 0, bytes });
      this.#kept = this.#kept.subarray(end);
    }
    return envelopes;
  }

  /** What is left: of a message that broke off. */
  get rest(): Uint8Array {
    return this.#kept;
  }
}
