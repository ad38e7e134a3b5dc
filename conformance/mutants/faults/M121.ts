import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M121",
  title: "of what is ready together messages are sent before deltas",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: "events: batch.map(({ event }) => event),",
      replace:
        'events: batch.map(({ event }) => event).sort((a, b) => Number(a.event.case === "messagePart") - Number(b.event.case === "messagePart")),',
    },
  ],
  kills: ["order/parts-before-commit"],
  spares: ["lifecycle/get-unknown", "lifecycle/archive-running-refused"],
};
