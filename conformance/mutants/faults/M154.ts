import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M154",
  title: "deltas that nobody has any more are not taken back from whoever comes back with them",
  edits: [
    {
      file: "src/stream/stream-machine.ts",
      find: 'preview: seen === undefined ? undefined : { ...seen, log: held ? "open" : "discarded" },',
      replace: 'preview: seen === undefined || !held ? undefined : { ...seen, log: "open" },',
    },
  ],
  kills: ["resume/expired-buffer"],
  spares: ["resume/mid-episode", "order/seq-contiguous"],
};
