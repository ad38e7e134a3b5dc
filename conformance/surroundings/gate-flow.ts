import type { Socket } from "node:net";
import type { GateMode, GateShape } from "./gate-mode.js";

/** What a flow tells of. */
export interface FlowEvents {
  passed(bytes: number): void;
  held(bytes: number): void;
  swallowed(bytes: number): void;
  /** The source has said its last word, whether or not that has passed. */
  ended(): void;
}

type Item =
  | { readonly dueMs: number; readonly bytes: Buffer }
  | { readonly dueMs: number; readonly end: true };

/** So much of one direction waits in the gate; then its source is not read, and feels it. */
const maxQueuedBytes = 64 * 1024;

/** A slow link passes its bytes in so many pieces a second. */
const piecesPerSecond = 20;

/**
 * One direction of a connection: bytes, and in the end the word that there are no more, from one socket to the other. What has come waits in
 * a queue until it is due, the link is open and the other side takes it.
 *
 * ```
 *   source ──▶ take ──▶ queue ──▶ pass ──▶ sink
 *                └─ black hole: gone
 * ```
 */
export class GateFlow {
  readonly #source: Socket;
  readonly #events: FlowEvents;
  #sink: Socket | undefined;
  #mode: GateMode;
  #shape: GateShape;
  readonly #queue: Item[] = [];
  #queuedBytes = 0;
  /** When the last byte that was taken is due: none may overtake it. */
  #lastDueMs = 0;
  #sinkIsFull = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: Socket, options: { mode: GateMode; shape: GateShape; events: FlowEvents }) {
    this.#source = source;
    this.#mode = options.mode;
    this.#shape = options.shape;
    this.#events = options.events;
    source.on("data", (bytes: Buffer) => this.#take(bytes));
    source.on("end", () => this.#takeEnd());
  }

  /** Where it goes, as soon as that is connected. */
  into(sink: Socket): void {
    this.#sink = sink;
    sink.on("drain", () => {
      this.#sinkIsFull = false;
      this.#pass();
    });
    this.#pass();
  }

  enter(mode: GateMode): void {
    this.#mode = mode;
    if (mode === "held" && this.#queue.length > 0) this.#events.held(this.#queuedBytes);
    if (mode === "black hole") this.#swallowQueue();
    this.#pass();
  }

  /** Of what comes from now on; what is under way comes as it was due. */
  shape(shape: GateShape): void {
    this.#shape = shape;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #take(bytes: Buffer): void {
    if (this.#mode === "black hole") return this.#events.swallowed(bytes.length);
    if (this.#mode === "held") this.#events.held(bytes.length);
    const { bytesPerSecond = Infinity } = this.#shape;
    const piece = bytesPerSecond === Infinity ? bytes.length : Math.ceil(bytesPerSecond / piecesPerSecond);
    for (let from = 0; from < bytes.length; from += piece) {
      const part = bytes.subarray(from, from + piece);
      this.#queue.push({ dueMs: this.#due((part.length / bytesPerSecond) * 1_000), bytes: part });
    }
    this.#queuedBytes += bytes.length;
    this.#pass();
  }

  #takeEnd(): void {
    this.#events.ended();
    if (this.#mode === "black hole") return this.#events.swallowed(0);
    if (this.#mode === "held") this.#events.held(0);
    this.#queue.push({ dueMs: this.#due(0), end: true });
    this.#pass();
  }

  #due(takesMs: number): number {
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + (this.#shape.delayMs ?? 0)) + takesMs;
    return this.#lastDueMs;
  }

  #swallowQueue(): void {
    if (this.#queue.length > 0) this.#events.swallowed(this.#queuedBytes);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }

  /** Passes what may pass now, and sees to it that the rest will. */
  #pass(): void {
    clearTimeout(this.#timer);
    const sink = this.#sink;
    while (sink !== undefined && this.#mode === "open" && !this.#sinkIsFull) {
      const [item] = this.#queue;
      if (item === undefined) break;
      const waitMs = item.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pass(), Math.ceil(waitMs));
        break;
      }
      this.#queue.shift();
      if ("end" in item) {
        sink.end();
        continue;
      }
      this.#queuedBytes -= item.bytes.length;
      this.#events.passed(item.bytes.length);
      this.#sinkIsFull = !sink.write(item.bytes);
    }
    if (this.#queuedBytes >= maxQueuedBytes) this.#source.pause();
    else this.#source.resume();
  }
}
