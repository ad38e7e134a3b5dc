import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M13",
  title: "a worker takes the word that a chat wants to be run for an interrupt",
  edits: [
    {
      file: "src/worker/worker.ts",
      find: "void this.#check(lease, control);",
      replace:
        "if (status?.status === ChatStatus.PENDING) return control.interrupt(Number(notification?.snapshotVersion ?? 0n));\n    void this.#check(lease, control);",
    },
  ],
  kills: ["bus/stale-wake-is-not-interrupt"],
  spares: ["lifecycle/get-unknown", "auth/every-rpc"],
};
