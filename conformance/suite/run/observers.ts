import type { TargetObserver } from "./target.js";

/** Passes on what happens to everybody who observes at that moment. */
export class Observers implements TargetObserver {
  readonly #all = new Set<TargetObserver>();

  add(observer: TargetObserver): Disposable {
    this.#all.add(observer);
    return { [Symbol.dispose]: () => this.#all.delete(observer) };
  }

  readonly model: TargetObserver["model"] = (event) => {
    for (const observer of [...this.#all]) observer.model(event);
  };

  readonly bus: TargetObserver["bus"] = (message) => {
    for (const observer of [...this.#all]) observer.bus(message);
  };
}
