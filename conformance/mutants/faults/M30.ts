import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M30",
  title: "whoever leaves takes along what the running step has shown, and with it the step",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: "[Symbol.dispose](): void {\n    for (const source of this.#sources)",
      replace:
        '[Symbol.dispose](): void {\n    const running = this.#deps.deltaLog.current(this.#chatId) as { close?: (outcome: "discarded") => void } | undefined;\n    running?.close?.("discarded");\n    for (const source of this.#sources)',
    },
  ],
  kills: ["resume/other-replica"],
  spares: ["lifecycle/get-unknown", "auth/every-rpc"],
};
