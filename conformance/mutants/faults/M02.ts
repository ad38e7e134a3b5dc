import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M02",
  title: "a subscription waits for the dial of its relay",
  edits: [
    {
      file: "src/relay/chat-relay.ts",
      find: "this.#dials.set(dialId, controller);",
      replace:
        "this.#dials.set(dialId, controller);\n    const waiting = ((globalThis as any).dialling ??= new Map());\n    if (!waiting.has(this.#chatId)) waiting.set(this.#chatId, []);",
    },
    {
      file: "src/relay/chat-relay.ts",
      find: 'metrics.dialed("accepted");',
      replace:
        'metrics.dialed("accepted");\n    const waiting = (globalThis as any).dialling?.get(this.#chatId) ?? [];\n    (globalThis as any).dialling?.delete(this.#chatId);\n    for (const go of waiting) go();',
    },
    {
      file: "src/stream/subscription.ts",
      find: "const batch = this.#take();",
      replace:
        "const dial = (globalThis as any).dialling?.get(this.#chatId);\n    if (dial !== undefined) {\n      dial.push(() => this.#wake());\n      return undefined;\n    }\n    const batch = this.#take();",
    },
  ],
  kills: ["relay-stale/pending-dial-blocks-nothing", "snapshot/turn-ends-during-dial"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
