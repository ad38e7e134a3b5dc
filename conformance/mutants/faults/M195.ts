import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M195",
  title: "a replica knows only of what it has done itself: it hears no other, and looks for nothing",
  edits: [
    {
      file: "src/bus/nats-bus.ts",
      find: "if (notification !== undefined) return this.#chats.call(chatId, notification);",
      replace: "if (notification !== undefined) return;",
    },
    {
      file: "src/bus/nats-bus.ts",
      find: "look: () => this.#chats.call(chatId, undefined),",
      replace: "look: () => undefined,",
    },
    {
      file: "src/bus/nats-bus.ts",
      find: "this.#metrics.received();\n      call();",
      replace: "this.#metrics.received();",
    },
    {
      file: "src/bus/polled-bus.ts",
      find: "this.#reads.request(this.#chats.keys());",
      replace: "",
    },
    {
      file: "src/stream/watch-chats.ts",
      find: "if (this.#poll.takeDue()) this.#stale = true;",
      replace: "",
    },
    // What it has done itself would have it read the list, and find what others have done.
    {
      file: "src/stream/watch-chats.ts",
      find: "bus.watchOwner(owner, () => {\n        this.#stale = true;",
      replace: "bus.watchOwner(owner, () => {",
    },
  ],
  kills: [
    "order/two-replicas-agree",
    "edit/remote-watcher",
    "interrupt/other-replica",
    "status/list-watch-converges",
  ],
  spares: ["lifecycle/get-unknown", "auth/every-rpc"],
};
