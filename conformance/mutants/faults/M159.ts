import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M159",
  title: "a subscription to a chat that runs tells nothing before the model says something",
  edits: [
    {
      file: "src/server/chat-service.ts",
      find: "yield create(SubscribeResponseSchema, { events: [...events], cursor });",
      replace:
        '{\n          const waiting = subscription as unknown as { held?: unknown[]; isTold?: boolean };\n          const held = (waiting.held ??= []);\n          held.push(...events);\n          const isSilent = (held as (typeof events)[number][]).every(\n            ({ event }) => event.case !== "messagePart" && !(event.case === "status" && event.value.status > 2),\n          );\n          if (waiting.isTold !== true && isSilent) continue;\n          waiting.isTold = true;\n          yield create(SubscribeResponseSchema, { events: held.splice(0) as never, cursor });\n        }',
    },
  ],
  kills: ["wire/headers-first"],
  spares: ["order/seq-contiguous", "wire/error-matrix"],
};
