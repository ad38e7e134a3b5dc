import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { emptyHash, hashBytes } from "./delta-text.js";
import { readResponse, type ResponseSink } from "./read-response.js";
import { type BenchWire, contentTypes, nowUs, subscribePath } from "./wire.js";

const caughtUpField = 11;
/** Of an envelope: neither compressed nor an end of stream. */
const plain = 0;

export interface SubscriberHooks {
  /** It has read more deltas: from that one to this. */
  readonly advanced: (before: number, now: number) => void;
  /** How long a delta that says when it was made was on its way. */
  readonly travelled: ((us: number) => void) | undefined;
  /** How long each delta is, where `travelled` is wanted: they begin with the time. */
  readonly deltaBytes: number;
}

/** One subscription that reads everything and keeps nothing: order and text are checked by numbers and a hash. */
export class SubscriberStream implements ResponseSink {
  readonly live: Promise<void>;
  lastSeq = 0;
  hash = emptyHash;
  textBytes = 0;
  responses = 0;
  /** What no subscription may do. */
  fault: string | undefined;
  readonly #stream: ClientHttp2Stream;
  readonly #hooks: SubscriberHooks;
  #rest: Buffer = Buffer.alloc(0);
  #becameLive = (): void => undefined;
  #leaving = false;

  constructor(
    session: ClientHttp2Session,
    { wire, request }: { wire: BenchWire; request: Buffer },
    hooks: SubscriberHooks,
  ) {
    this.#hooks = hooks;
    this.#stream = session.request({
      ":method": "POST",
      ":path": subscribePath,
      "content-type": contentTypes[wire],
      te: "trailers",
    });
    this.live = new Promise((resolve, reject) => {
      this.#becameLive = resolve;
      this.#stream.once("close", () => {
        const reason = `the stream ended (${this.#stream.rstCode})`;
        if (!this.#leaving) this.fault ??= reason;
        reject(new Error(this.fault ?? reason));
      });
    });
    // Whoever does not wait for it is told by `fault`.
    this.live.catch(() => undefined);
    this.#stream.on("error", (error: Error) => (this.fault ??= error.message));
    this.#stream.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#stream.end(request);
  }

  /** Forgets what it has read: a new step begins with delta 1. */
  expect(): void {
    this.lastSeq = 0;
    this.hash = emptyHash;
    this.textBytes = 0;
    this.responses = 0;
  }

  leave(): void {
    this.#leaving = true;
    this.#stream.close();
  }

  messagePart(firstSeq: number, seq: number, bytes: Buffer, textStart: number, textEnd: number): void {
    if (firstSeq !== this.lastSeq + 1) this.fault ??= `delta ${firstSeq} came after ${this.lastSeq}`;
    this.lastSeq = seq;
    this.textBytes += textEnd - textStart;
    this.hash = hashBytes(this.hash, bytes, textStart, textEnd);
    const { travelled, deltaBytes } = this.#hooks;
    if (travelled !== undefined) {
      const arrivedUs = nowUs();
      for (let at = textStart; at < textEnd; at += deltaBytes)
        travelled(arrivedUs - Number(bytes.toString("latin1", at, at + 16)));
    }
  }

  other(field: number): void {
    if (field === caughtUpField) this.#becameLive();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const before = this.lastSeq;
    let at = 0;
    while (bytes.length - at >= 5) {
      const end = at + 5 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      if (bytes[at] === plain) {
        this.responses += 1;
        readResponse(bytes, at + 5, end, this);
      } else this.fault ??= `an end of stream: ${bytes.toString("utf8", at + 5, end)}`;
      at = end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
    if (this.lastSeq !== before) this.#hooks.advanced(before, this.lastSeq);
  }
}
