import { outcomeWithin } from "../time.js";
import { errorText } from "./shown.js";

/** What a run has to give back, in reverse order. */
export class Resources {
  readonly #held: (Disposable | AsyncDisposable)[] = [];

  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    this.#held.push(resource);
    return resource;
  }

  /** Releases everything, also after failures. Resolves to what went wrong; to `late` as soon as one takes longer than `limitMs`. */
  async release(limitMs: number): Promise<{ readonly problems: string[]; readonly isLate: boolean }> {
    const problems: string[] = [];
    for (let resource = this.#held.pop(); resource !== undefined; resource = this.#held.pop()) {
      const outcome = await outcomeWithin(release(resource), limitMs);
      if (outcome.kind === "failed")
        problems.push(`a resource was not released: ${errorText(outcome.error)}`);
      if (outcome.kind !== "late") continue;
      problems.push(
        `a resource was not released within ${limitMs} ms, and ${this.#held.length} others after it`,
      );
      return { problems, isLate: true };
    }
    return { problems, isLate: false };
  }
}

async function release(resource: Disposable | AsyncDisposable): Promise<void> {
  if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
  else resource[Symbol.dispose]();
}
