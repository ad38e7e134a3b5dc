import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M203",
  title: "a chat in error is told as one that waits",
  edits: [
    {
      file: "src/stream/stream-event.ts",
      find: "export function statusEvent(status: ChatStatus): StreamEvent {\n",
      replace:
        "export function statusEvent(real: ChatStatus): StreamEvent {\n  const status = real === 6 ? 5 : real;\n",
    },
  ],
  kills: ["status/legal-transitions", "status/get-and-watch-agree", "status/error-has-payload"],
  spares: ["order/seq-contiguous", "queue/fifo"],
};
