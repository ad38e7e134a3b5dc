import { PalaverError } from "../protocol/index.js";

const mebibyte = 1024 * 1024;

/** Room for a dozen of the largest files of one owner, and for several such owners. */
const defaultLimits = { ownerBytes: 128 * mebibyte, serverBytes: 512 * mebibyte };

/** What all uploads that are under way hold in memory: counted, and refused beyond a limit for each owner and one for the server. */
export class UploadMemory {
  readonly #limits: typeof defaultLimits;
  readonly #ofOwner = new Map<string, number>();
  #total = 0;

  constructor(limits = defaultLimits) {
    this.#limits = limits;
  }

  /** Nothing yet, for one upload. */
  open(owner: string): HeldMemory {
    let held = 0;
    const change = (bytes: number): void => {
      const owned = (this.#ofOwner.get(owner) ?? 0) + bytes;
      if (owned === 0) this.#ofOwner.delete(owner);
      else this.#ofOwner.set(owner, owned);
      this.#total += bytes;
      held += bytes;
    };
    return {
      grow: (bytes) => {
        const { ownerBytes, serverBytes } = this.#limits;
        if ((this.#ofOwner.get(owner) ?? 0) + bytes > ownerBytes) throw tooManyUploads(ownerBytes);
        if (this.#total + bytes > serverBytes) throw tooManyUploads(serverBytes);
        change(bytes);
      },
      [Symbol.dispose]: () => {
        change(-held);
      },
    };
  }
}

/** What one upload holds, until it is disposed of. */
export interface HeldMemory extends Disposable {
  /** @throws PalaverError TOO_MANY_UPLOADS; then nothing has changed */
  grow(bytes: number): void;
}

function tooManyUploads(limit: number): PalaverError {
  return new PalaverError(
    "resource_exhausted",
    "TOO_MANY_UPLOADS",
    "Too many bytes are being uploaded at once. Upload this file again when others are done.",
    { metadata: { limit_bytes: String(limit) } },
  );
}

const firstCapacity = 64 * 1024;

/** Bytes that arrive in pieces, as one array: however small the pieces are, it costs about what they hold. */
export class UploadBuffer {
  readonly #memory: HeldMemory;
  readonly #maxBytes: number;
  #data = new Uint8Array();
  #size = 0;

  constructor(memory: HeldMemory, maxBytes: number) {
    this.#memory = memory;
    this.#maxBytes = maxBytes;
  }

  /** Whether there was room for the piece below the largest size. */
  add(piece: Uint8Array): boolean {
    const size = this.#size + piece.byteLength;
    if (size > this.#maxBytes) return false;
    if (size > this.#data.byteLength) this.#grow(size);
    this.#data.set(piece, this.#size);
    this.#size = size;
    return true;
  }

  get bytes(): Uint8Array {
    return this.#data.subarray(0, this.#size);
  }

  #grow(size: number): void {
    const doubled = Math.max(size, 2 * this.#data.byteLength, firstCapacity);
    const capacity = Math.min(doubled, this.#maxBytes);
    this.#memory.grow(capacity - this.#data.byteLength);
    const data = new Uint8Array(capacity);
    data.set(this.bytes);
    this.#data = data;
  }
}
