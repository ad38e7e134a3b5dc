import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M28",
  title: "a reader loses what begins with a fragment of an even number",
  edits: [
    {
      file: "src/stream/episode-log.ts",
      find: "events.push(event);\n      const part",
      replace:
        "if ((event.event.value as MessagePartEvent).firstSeq % 2n !== 0n) events.push(event);\n      const part",
    },
  ],
  kills: ["order/seq-contiguous", "order/ten-thousand-parts"],
  spares: ["lifecycle/get-unknown"],
};
