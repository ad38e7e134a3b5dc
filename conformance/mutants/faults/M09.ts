import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M09",
  title: "a subscriber listens only half a second after it has begun to read",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: "const wake = (): void => this.#wake();",
      replace: "const wake = (): void => this.#wake();\n    const deafUntilMs = clock.monotonicMs() + 500;",
    },
    {
      file: "src/stream/subscription.ts",
      find: "const version = Number(notification?.snapshotVersion",
      replace:
        "if (clock.monotonicMs() < deafUntilMs) return;\n        const version = Number(notification?.snapshotVersion",
    },
    {
      file: "src/stream/subscription.ts",
      find: "        this.#opened = log;\n        wake();",
      replace:
        "        if (clock.monotonicMs() < deafUntilMs) return;\n        this.#opened = log;\n        wake();",
    },
  ],
  kills: ["snapshot/join-at-every-gate"],
  spares: ["lifecycle/get-unknown", "lifecycle/create-returns-identity"],
};
