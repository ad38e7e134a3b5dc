import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M15",
  title: "what no notification has told of a watched chat is never looked for",
  edits: [
    {
      file: "src/bus/polled-bus.ts",
      find: "this.#reads.request(this.#chats.keys());",
      replace: "",
    },
    {
      file: "src/bus/nats-bus.ts",
      find: "this.#topics.lookAtAll();",
      replace: "",
    },
  ],
  kills: ["bus/lost-notify-converges", "bus/reconnect-no-skip"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
