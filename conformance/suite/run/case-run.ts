import { isDeepStrictEqual } from "node:util";
import type { CaseContext, Facts, Happening } from "../cases/case-context.js";
import type { BoundName } from "../manifest/bounds.js";
import type { Manifest } from "../manifest/manifest.js";
import type { Cell } from "../plan/cell.js";
import type { RuleId } from "../rules/requirements.js";
import { type Outcome, outcomeWithin } from "../time.js";
import type { CheckRecord } from "./cell-result.js";
import type { Resources } from "./resources.js";
import { openStage, type OpenStage, type Stage } from "./stage.js";
import { seededRandom } from "./seeded-random.js";
import { errorText, shown } from "./shown.js";
import type { Target } from "./target.js";
import { Timeline } from "./timeline.js";

/** Ends a run: what it waited for failed, which is on record. */
export class StoppedByCheck extends Error {
  override readonly name = "StoppedByCheck";
}

/** Ends a run: what it would have looked at did not come about. */
export class NothingProven extends Error {
  override readonly name = "NothingProven";
}

export interface CaseRunOptions {
  readonly cell: Cell;
  readonly target: Target;
  readonly manifest: Pick<Manifest, "bounds" | "models">;
  readonly isAlone: boolean;
  readonly resources: Resources;
  /** The rules that the case may judge. */
  readonly rules: readonly RuleId[];
  readonly signal: AbortSignal;
}

/** The notes of one run, and the context through which the case writes them. */
export class CaseRun {
  readonly checks: CheckRecord[] = [];
  readonly timeline = new Timeline();
  readonly context: CaseContext;
  readonly #options: CaseRunOptions;
  readonly #stage: OpenStage;
  #isFenced = false;
  /** What is being waited for, for the word that it took too long; newest last. */
  readonly #waits: string[] = [];

  constructor(options: CaseRunOptions) {
    this.#options = options;
    const { cell, target, manifest, isAlone, resources, signal } = options;
    const random = seededRandom(cell.seed);
    this.#stage = openStage({
      target,
      wire: cell.wire,
      models: manifest.models,
      random,
      timeline: this.timeline,
      isAlone,
      use: (resource) => resources.use(resource),
    });
    const own: Omit<CaseContext, keyof Stage> = {
      target,
      wire: cell.wire,
      order: cell.order,
      bounds: manifest.bounds,
      random,
      timeline: this.timeline,
      signal,
      check: (rule, sentence, facts) => this.#check(rule, sentence, facts),
      never: (rule, sentence, found) => this.#never(rule, sentence, found),
      waitFor: (event, bound) => this.#waitFor(event, bound),
      arrange: (what, bound, happens) => this.#arrange(what, bound, happens),
      precondition: (what, holds) => this.#precondition(what, holds),
      fence: (what, bound, happens) => this.#fence(what, bound, happens),
      note: (text) => void this.#note("note", text),
      use: (resource) => resources.use(resource),
    };
    // Not a copy: some of a stage is refused to cases that do not say that they need it, when they ask for it.
    this.context = Object.defineProperties(
      own,
      Object.getOwnPropertyDescriptors(this.#stage.stage),
    ) as CaseContext;
  }

  /** Records what of all that clients were sent breaks a rule, whatever the case is about. Before resources are released. */
  checkAmbient(): void {
    for (const { rule, sentence, observed } of this.#stage.violations()) {
      const atMs = this.#note("check", `✗ ${rule} ${sentence}`);
      this.checks.push({ rule, sentence, passed: false, expected: "always, in every case", observed, atMs });
    }
  }

  /** What the run waits for at this moment. */
  get waitsFor(): string | undefined {
    return this.#waits.at(-1);
  }

  #check(rule: RuleId, sentence: string, facts: Facts): boolean {
    const { expected, observed, holds = isDeepStrictEqual(observed, expected) } = facts;
    if (!this.#options.rules.includes(rule)) throw new Error(`the case judges ${rule}, and does not say so`);
    const atMs = this.#note("check", `${holds ? "✓" : "✗"} ${rule} ${sentence}`);
    this.checks.push({
      rule,
      sentence,
      passed: holds,
      expected: shown(expected),
      observed: shown(observed),
      atMs,
    });
    return holds;
  }

  #never(rule: RuleId, sentence: string, found: readonly unknown[]): boolean {
    if (!this.#isFenced) throw new Error(`"${sentence}" was asked before any fence: it could still come`);
    return this.#check(rule, sentence, { expected: [], observed: found });
  }

  async #waitFor<T>(
    {
      rule,
      sentence,
      happens,
    }: { readonly rule: RuleId; readonly sentence: string; readonly happens: Happening<T> },
    bound: BoundName,
  ): Promise<T> {
    const outcome = await this.#outcome(sentence, bound, happens);
    const expected = `within ${this.#options.manifest.bounds[bound]} ms (${bound})`;
    const observed = told(outcome);
    this.#check(rule, sentence, { expected, observed, holds: outcome.kind === "done" });
    if (outcome.kind === "done") return outcome.value;
    throw new StoppedByCheck(`${sentence}: ${observed}`);
  }

  async #arrange<T>(what: string, bound: BoundName, happens: Happening<T>): Promise<T> {
    const outcome = await this.#outcome(what, bound, happens);
    if (outcome.kind !== "done")
      throw new NothingProven(`what the case begins with failed: ${what}: ${told(outcome)}`);
    this.#note("note", what);
    return outcome.value;
  }

  #precondition(what: string, holds: boolean): void {
    if (!holds) throw new NothingProven(`what the case begins with is not so: ${what}`);
    this.#note("note", what);
  }

  async #fence<T>(what: string, bound: BoundName, happens: Happening<T>): Promise<T> {
    const outcome = await this.#outcome(what, bound, happens);
    if (outcome.kind !== "done") throw new NothingProven(`the fence did not come: ${what}: ${told(outcome)}`);
    this.#isFenced = true;
    this.#note("fence", what);
    return outcome.value;
  }

  /** What becomes of it within the bound; it is told to give up when that is over. */
  async #outcome<T>(what: string, bound: BoundName, happens: Happening<T>): Promise<Outcome<T>> {
    const giveUp = new AbortController();
    const forward = (): void => giveUp.abort();
    const { signal } = this.#options;
    if (signal.aborted) giveUp.abort();
    signal.addEventListener("abort", forward, { once: true });
    this.#waits.push(what);
    try {
      const promise = (async () => happens(giveUp.signal))();
      return await outcomeWithin(promise, this.#options.manifest.bounds[bound]);
    } finally {
      this.#waits.splice(this.#waits.indexOf(what), 1);
      signal.removeEventListener("abort", forward);
      giveUp.abort();
    }
  }

  #note(kind: "check" | "fence" | "note", text: string): number {
    return this.timeline.add({ kind, from: "case", text });
  }
}

/** In words. */
export function told(outcome: Outcome<unknown>): string {
  switch (outcome.kind) {
    case "done":
      return `after ${outcome.tookMs} ms`;
    case "late":
      return `not within ${outcome.tookMs} ms`;
    case "failed":
      return `failed after ${outcome.tookMs} ms: ${errorText(outcome.error)}`;
  }
}
