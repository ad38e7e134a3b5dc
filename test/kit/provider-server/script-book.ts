import type { DialectName } from "./dialect.js";
import { Latch } from "./latch.js";
import type { ProviderResponse } from "./script.js";

/** How a response ended: "completed" also stands for HTTP errors and clean ends without a terminal event; "reset" and "failed" are our doing. */
export type RequestEnd = "completed" | "aborted by client" | "reset by script" | "failed";

/** A request as the server got it. */
export interface RecordedRequest {
  /** Unique in this server. */
  readonly id: string;
  readonly model: string;
  readonly dialect: DialectName;
  /** Counts the requests for this model, from 0. */
  readonly index: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The request's JSON: look at it with `toMatchObject`. */
  readonly body: unknown;
  /** The same as it came: where every digit counts. */
  readonly rawBody: string;
  /** Undefined while it runs. */
  readonly end?: RequestEnd | undefined;
}

interface Entry {
  readonly request: Omit<RecordedRequest, "end">;
  readonly ended: Latch<RequestEnd>;
}

/** What was scripted for one model name, and what came of it. */
export class ModelScript {
  readonly #responses: ProviderResponse[] = [];
  readonly #entries: Entry[] = [];
  readonly #arrivals = new Map<number, Latch<Entry>>();
  readonly #gates = new Map<string, { readonly reached: Latch; readonly opened: Latch }>();

  add(responses: readonly ProviderResponse[]): void {
    this.#responses.push(...responses);
  }

  /** Records a request and hands out its response: undefined if there are more requests than responses. */
  arrive(request: Omit<RecordedRequest, "end" | "index">): {
    entry: Entry;
    response: ProviderResponse | undefined;
  } {
    const index = this.#entries.length;
    const entry: Entry = { request: { ...request, index }, ended: new Latch() };
    this.#entries.push(entry);
    this.arrival(index).set(entry);
    return { entry, response: this.#responses[index] };
  }

  arrival(index: number): Latch<Entry> {
    let latch = this.#arrivals.get(index);
    if (latch === undefined) this.#arrivals.set(index, (latch = new Latch()));
    return latch;
  }

  gate(name: string): { readonly reached: Latch; readonly opened: Latch } {
    let gate = this.#gates.get(name);
    if (gate === undefined) this.#gates.set(name, (gate = { reached: new Latch(), opened: new Latch() }));
    return gate;
  }

  requests(): RecordedRequest[] {
    return this.#entries.map(recordOf);
  }
}

export function recordOf({ request, ended }: Entry): RecordedRequest {
  return { ...request, ...(ended.value !== undefined && { end: ended.value }) };
}
