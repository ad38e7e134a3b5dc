import { randomUUID } from "node:crypto";
import { Latch } from "./latch.js";
import type { ModelCall } from "./model-call.js";
import type { ModelResponse, Step } from "./script.js";

/** How long to wait for something, where the caller wants to give up. */
export interface Waiting {
  readonly signal?: AbortSignal | undefined;
}

/** What the model answers in one conversation. */
export interface ModelScript {
  readonly name: string;
  /** The text with which a user's message calls for this script. */
  readonly marker: string;
  /** A user's text that calls for this script. */
  says(text: string): string;
  /** Writes more responses, after those there are. */
  add(...responses: readonly (readonly Step[] | ModelResponse)[]): void;
  /** The calls so far. */
  readonly calls: readonly ModelCall[];
  /** The call with that index (from 0), as soon as it has come. */
  call(index: number, waiting?: Waiting): Promise<ModelCall>;
  /** Resolves when a call has come to the gate, with everything before it sent; also if that was long ago. */
  reached(gate: string, waiting?: Waiting): Promise<ModelCall>;
  /** Lets every call pass, whether it is there already or comes later. */
  open(gate: string): void;
}

/** A script with the calls that it has answered. The server's side of it is `responses`, `arrive` and `pass`. */
export class WrittenScript implements ModelScript {
  readonly name = randomUUID();
  readonly marker = `[[script:${this.name}]]`;
  readonly calls: ModelCall[] = [];
  readonly responses: ModelResponse[] = [];
  readonly #arrivals = new Map<number, Latch<ModelCall>>();
  readonly #gates = new Map<string, Gate>();
  readonly #closed: AbortSignal;
  readonly #onOpened: (gate: string) => void;

  constructor(closed: AbortSignal, onOpened: (gate: string) => void) {
    this.#closed = closed;
    this.#onOpened = onOpened;
  }

  says(text: string): string {
    return `${text} ${this.marker}`;
  }

  add(...responses: readonly (readonly Step[] | ModelResponse)[]): void {
    this.responses.push(
      ...responses.map((response) => ("steps" in response ? response : { steps: response })),
    );
  }

  call(index: number, { signal }: Waiting = {}): Promise<ModelCall> {
    return this.#arrival(index).wait({ signal: this.#orClosed(signal) });
  }

  reached(gate: string, { signal }: Waiting = {}): Promise<ModelCall> {
    return this.#gate(gate).reached.wait({ signal: this.#orClosed(signal) });
  }

  open(gate: string): void {
    if (this.#gate(gate).opened.set()) this.#onOpened(gate);
  }

  arrive(call: ModelCall): void {
    this.calls.push(call);
    this.#arrival(call.index).set(call);
  }

  /** Tells that the call is at the gate, and resolves when the gate is open. */
  pass(gate: string, call: ModelCall, signal: AbortSignal): Promise<void> {
    const { reached, opened } = this.#gate(gate);
    reached.set(call);
    return opened.wait({ signal });
  }

  #arrival(index: number): Latch<ModelCall> {
    const latch = this.#arrivals.get(index) ?? new Latch<ModelCall>();
    this.#arrivals.set(index, latch);
    return latch;
  }

  #gate(name: string): Gate {
    const gate = this.#gates.get(name) ?? { reached: new Latch<ModelCall>(), opened: new Latch() };
    this.#gates.set(name, gate);
    return gate;
  }

  #orClosed(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closed : AbortSignal.any([signal, this.#closed]);
  }
}

interface Gate {
  readonly reached: Latch<ModelCall>;
  readonly opened: Latch;
}
