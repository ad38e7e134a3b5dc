import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M208",
  title: "a cursor of a list is not looked at",
  edits: [
    {
      file: "src/stream/watch-chats.ts",
      find: 'this.#position = cursor === "" ? fromTheStart : positionOf(owner, cursor);',
      replace: "this.#position = fromTheStart;",
    },
  ],
  kills: ["status/list-watch-resumes", "status/list-watch-deletions", "status/list-watch-cursor"],
  spares: ["order/seq-contiguous", "status/list-watch-whole-list"],
};
