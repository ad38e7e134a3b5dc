import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M173",
  title: "a relay falls silent after its first episode",
  edits: [
    {
      file: "src/relay/episode-feed.ts",
      find: "this.#add(log, 0);\n      this.#onReady({ patient: false });",
      replace: "if (this.#queue.length > 0) this.#add(log, 0);\n      this.#onReady({ patient: false });",
    },
  ],
  kills: ["relay-stale/same-owner-next-episode"],
  spares: ["lifecycle/get-unknown", "relay-stale/dial-completes-after-unwatch"],
};
