import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M14",
  title: "who watches is told the status that a notification claims, without a look at the store",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: 'import { keepalive } from "./stream-event.js";',
      replace: 'import { keepalive, statusEvent } from "./stream-event.js";',
    },
    {
      file: "src/stream/subscription.ts",
      find: "bus.watchChat(chatId, (notification) => {",
      replace:
        'bus.watchChat(chatId, (notification) => {\n        const claimed = (notification as { status?: { status: number } } | undefined)?.status?.status;\n        if (claimed !== undefined && this.#position.told !== undefined && this.#state.phase === "live") {\n          const event = statusEvent(claimed);\n          this.#outbox.push({ event, position: this.#position });\n          this.#outboxSize += approximateSize(event);\n        }',
    },
  ],
  kills: ["bus/forged-hint-harmless", "bus/duplicate-harmless", "bus/reordered-harmless"],
  spares: ["lifecycle/get-unknown", "auth/every-rpc"],
};
