import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M158",
  title: "a subscription to a chat that does not exist just ends",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: "const batch = subscription.take();",
      replace:
        'let batch: StreamBatch | undefined;\n    try {\n      batch = subscription.take();\n    } catch (error) {\n      if ((error as { reason?: string }).reason === "CHAT_NOT_FOUND") return;\n      throw error;\n    }',
    },
  ],
  kills: ["wire/error-before-first-message"],
  spares: ["order/seq-contiguous", "resume/idle-chat"],
};
