/**
 * Writes protobuf messages from their last byte to their first: the length of what a message or a string holds is known when it is due, so nothing is
 * measured before it is written, nor moved afterwards. Fields are therefore given in the reverse order of their numbers.
 *
 * One writer makes one message after the other, in a buffer that it keeps. What {@link finish} returns is the caller's.
 */
export class BackwardWriter {
  #buffer = Buffer.allocUnsafeSlow(initialBytes);
  /** Where what was written begins; it reaches to the end of the buffer. */
  #start = initialBytes;

  /** How many bytes were written so far. What is written before a message ends at this mark begins with {@link prefix}. */
  get length(): number {
    return this.#buffer.length - this.#start;
  }

  /** Everything that was written, after so many bytes that are left free, and unset. The writer begins anew. */
  finish(freeBytes = 0): Buffer {
    const bytes = Buffer.allocUnsafe(freeBytes + this.length);
    this.#buffer.copy(bytes, freeBytes, this.#start);
    this.reset();
    return bytes;
  }

  /** Forgets what was written. */
  reset(): void {
    this.#start = this.#buffer.length;
  }

  /** The tag and the length of all that was written since the writer had this length: of a message whose fields these are. */
  prefix(tag: number, sinceLength: number): void {
    this.varint(this.length - sinceLength);
    this.varint(tag);
  }

  /** A whole number from 0 to `Number.MAX_SAFE_INTEGER`, in up to 8 bytes. */
  varint(value: number): void {
    if (value < 0x80) {
      this.#reserve(1);
      this.#buffer[--this.#start] = value;
      return;
    }
    const length = varintLength(value);
    this.#reserve(length);
    this.#start -= length;
    let at = this.#start;
    let rest = value;
    // Not with bit operators, which know 32 bits.
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) this.#buffer[at++] = (rest % 0x80) | 0x80;
    this.#buffer[at] = rest;
  }

  /**
   * A field of the type `int32` or of an enum. Nothing if it has its default.
   *
   * @throws RangeError when the value is none of that type
   */
  int32(tag: number, value: number): void {
    if (value === 0) return;
    if ((value | 0) !== value) throw new RangeError(`not an int32: ${value}`);
    if (value > 0) this.varint(value);
    else this.#long(BigInt(value));
    this.varint(tag);
  }

  /**
   * A field of the type `int64`. Nothing if it has its default.
   *
   * @throws RangeError when the value is none of that type
   */
  int64(tag: number, value: bigint): void {
    if (value === 0n) return;
    const number = Number(value);
    if (number > 0 && number <= Number.MAX_SAFE_INTEGER) this.varint(number);
    else this.#long(value);
    this.varint(tag);
  }

  /** A field of the type `string`. Nothing if it is empty. What is no UTF-16 becomes U+FFFD. */
  string(tag: number, text: string): void {
    if (text === "") return;
    const length = Buffer.byteLength(text);
    this.#reserve(length);
    this.#start -= length;
    this.#buffer.write(text, this.#start, length, length === text.length ? "latin1" : "utf8");
    this.varint(length);
    this.varint(tag);
  }

  /** A message that was written elsewhere, as a field. */
  bytes(tag: number, message: Uint8Array): void {
    this.#reserve(message.length);
    this.#start -= message.length;
    this.#buffer.set(message, this.#start);
    this.varint(message.length);
    this.varint(tag);
  }

  /** Ten bytes for what is negative, as the two's complement has it. */
  #long(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new RangeError(`not an int64: ${value}`);
    const groups: number[] = [];
    let rest = BigInt.asUintN(64, value);
    for (; rest > 0x7fn; rest >>= 7n) groups.push(Number(rest & 0x7fn) | 0x80);
    groups.push(Number(rest));
    this.#reserve(groups.length);
    this.#start -= groups.length;
    this.#buffer.set(groups, this.#start);
  }

  #reserve(bytes: number): void {
    if (this.#start >= bytes) return;
    const { length } = this;
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(length + bytes)));
    this.#buffer.copy(larger, larger.length - length, this.#start);
    this.#buffer = larger;
    this.#start = larger.length - length;
  }
}

const initialBytes = 1_024;

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length += 1;
  return length;
}
