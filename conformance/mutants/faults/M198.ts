import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M198",
  title: "a replica that starts forgets the messages that wait",
  edits: [
    {
      file: "src/replica.ts",
      find: "await worker.start();",
      replace:
        'await database.query({ name: "forget_queues", text: "delete from queued_messages" }, []);\n    await worker.start();',
    },
  ],
  kills: ["queue/survives-restart"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
