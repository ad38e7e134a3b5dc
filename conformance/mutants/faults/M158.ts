import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M158",
  title: "a subscription to a chat that does not exist just ends",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: "const batch = this.take();",
      replace:
        'let batch: StreamBatch | undefined;\n    try {\n      batch = this.take();\n    } catch (error) {\n      if ((error as { reason?: string }).reason === "CHAT_NOT_FOUND") {\n        (this as { gone?: boolean }).gone = true;\n        return;\n      }\n      throw error;\n    }',
    },
  ],
  kills: ["wire/error-before-first-message"],
  spares: ["order/seq-contiguous", "resume/idle-chat"],
};
