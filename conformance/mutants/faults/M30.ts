import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M30",
  title: "whoever leaves takes along what the running step has shown, and with it the step",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: "[Symbol.dispose](): void {\n    this.#goAlone();\n",
      replace:
        '[Symbol.dispose](): void {\n    const running = this.#deps.deltaLog.current(this.#chatId) as { close?: (outcome: "discarded") => void } | undefined;\n    running?.close?.("discarded");\n    this.#goAlone();\n',
    },
  ],
  kills: ["resume/other-replica"],
  spares: ["lifecycle/get-unknown", "auth/every-rpc"],
};
