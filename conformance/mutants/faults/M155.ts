import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M155",
  title: "a snapshot leaves the first message out",
  edits: [
    {
      file: "src/stream/view-events.ts",
      find: "const messages = view.messages.map(",
      replace: "const messages = view.messages.slice(opening ? 1 : 0).map(",
    },
  ],
  kills: ["resume/no-cursor-is-snapshot"],
  spares: ["resume/foreign-cursor"],
};
