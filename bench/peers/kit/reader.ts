import { nowUs } from "../../kit/wire.js";
import type { Plan } from "./plan.js";

const stampLength = 16;

/** Checks all that one subscriber reads: nothing lost, doubled or changed, in however many pieces it comes. */
export class Reader {
  /** All of the text so far, counted from its beginning. */
  chars: number;
  fault: string | undefined;
  readonly travelsUs: number[] = [];
  readonly #plan: Plan;
  readonly #text: string;
  #rest = "";
  #lastStampUs = 0;

  /** `text`: see `textOf`; the same for all readers of a plan. */
  constructor(plan: Plan, text: string, { from = 0 } = {}) {
    this.#plan = plan;
    this.#text = text;
    this.chars = from;
  }

  read(piece: string): void {
    if (this.#plan.model !== undefined) this.#readStamped(piece);
    else if (!this.#text.startsWith(piece, this.chars)) this.fault ??= `another text after ${this.chars}`;
    this.chars += piece.length;
  }

  #readStamped(piece: string): void {
    const { deltaBytes } = this.#plan;
    const arrivedUs = nowUs();
    const text = this.#rest + piece;
    let at = 0;
    for (; at + deltaBytes <= text.length; at += deltaBytes) {
      const stampUs = Number(text.slice(at, at + stampLength));
      const filler = text.slice(at + stampLength, at + deltaBytes);
      if (!(stampUs >= this.#lastStampUs) || filler !== "x".repeat(deltaBytes - stampLength))
        this.fault ??= `not a delta: ${text.slice(at, at + deltaBytes)}`;
      this.#lastStampUs = stampUs;
      this.travelsUs.push(arrivedUs - stampUs);
    }
    this.#rest = text.slice(at);
  }
}
