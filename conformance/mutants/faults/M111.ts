import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M111",
  title: "an idempotency key answers whatever is asked with it",
  edits: [
    {
      file: "src/chat/idempotency.ts",
      find: "if (Buffer.compare(earlier.requestHash, requestHash) !== 0) {",
      replace: "if (earlier.requestHash.length !== requestHash.length) {",
    },
  ],
  kills: ["lifecycle/create-idempotency-key"],
  spares: ["lifecycle/create-returns-identity", "order/seq-contiguous"],
};
