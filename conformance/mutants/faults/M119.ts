import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M119",
  title: "where nothing was said yet, a subscription begins with caught_up instead of the status",
  edits: [
    {
      file: "src/stream/stream-transitions.ts",
      find: "const status = emission(statusEvent(view.chat.status), {",
      replace:
        "const status = emission(view.messages.length === 0 ? caughtUp : statusEvent(view.chat.status), {",
    },
  ],
  kills: ["snapshot/has-status", "snapshot/one-caught-up"],
  spares: ["lifecycle/get-unknown", "lifecycle/list-stable-pages"],
};
