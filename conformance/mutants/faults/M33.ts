import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M33",
  title: "deltas wait until something else is told",
  edits: [
    {
      file: "src/server/chat-service.ts",
      find: "yield create(SubscribeResponseSchema, { events: [...events], cursor });",
      replace:
        '{\n          const held = ((batches as { held?: unknown[] }).held ??= []);\n          held.push(...events);\n          if (events.every(({ event }) => event.case === "messagePart")) continue;\n          yield create(SubscribeResponseSchema, { events: held.splice(0) as never, cursor });\n        }',
    },
  ],
  kills: ["wire/flush-each-event", "wire/stream-matrix", "wire/http1-stream"],
  spares: ["resume/idle-chat", "wire/error-matrix"],
};
