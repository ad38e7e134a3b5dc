import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M02",
  title: "a subscription waits for the dial of its relay",
  edits: [
    {
      file: "src/relay/chat-relay.ts",
      find: "this.#dials.set(dialId, controller);",
      replace:
        "this.#dials.set(dialId, controller);\n    const waits = ((globalThis as any).dialling ??= new Map());\n    if (!waits.has(this.#chatId)) {\n      let go = () => {};\n      waits.set(this.#chatId, { wait: new Promise<void>((resolve) => (go = resolve)), go });\n    }",
    },
    {
      file: "src/relay/chat-relay.ts",
      find: 'metrics.dialed("accepted");',
      replace:
        'metrics.dialed("accepted");\n    (globalThis as any).dialling?.get(this.#chatId)?.go();\n    (globalThis as any).dialling?.delete(this.#chatId);',
    },
    {
      file: "src/stream/subscription.ts",
      find: "const batch = this.take();\n      if",
      replace:
        "await (globalThis as any).dialling?.get(this.#chatId)?.wait;\n      const batch = this.take();\n      if",
    },
  ],
  kills: ["relay-stale/pending-dial-blocks-nothing", "snapshot/turn-ends-during-dial"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
