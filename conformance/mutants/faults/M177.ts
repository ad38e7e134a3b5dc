import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M177",
  title: "a relay that drops takes the streams of its watchers with it",
  edits: [
    {
      file: "src/relay/chat-relay.ts",
      find: "if (accepted) metrics.lost();",
      replace:
        "if (accepted) {\n        metrics.lost();\n        ((globalThis as any).lost ??= new Set()).add(this.#chatId);\n      }",
    },
    {
      file: "src/stream/subscription.ts",
      find: "if (this.#shutDown) throw shuttingDown();",
      replace: "if (this.#shutDown || (globalThis as any).lost?.has(this.#chatId)) throw shuttingDown();",
    },
  ],
  kills: ["relay-reconnect/client-stream-survives"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
