import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M33",
  title: "deltas wait until something else is told",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: "const batch = this.#take();",
      replace:
        'const ready = this.#take();\n    const held = ((this as { held?: StreamEvent[] }).held ??= []);\n    held.push(...(ready?.events ?? []));\n    const isOther = ready?.events.some(({ event }) => event.case !== "messagePart") === true;\n    const batch = isOther ? { ...ready, events: held.splice(0) } : undefined;',
    },
    {
      file: "src/stream/subscription.ts",
      find: "joinOthers(give: (batch: StreamBatch) => boolean): void {\n",
      replace:
        "joinOthers(give: (batch: StreamBatch) => boolean): void {\n    if (give !== undefined) return;\n",
    },
  ],
  kills: ["wire/flush-each-event", "wire/stream-matrix", "wire/http1-stream"],
  spares: ["resume/idle-chat", "wire/error-matrix"],
};
