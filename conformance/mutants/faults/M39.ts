import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M39",
  title: "a replica that starts runs all idle chats once more",
  edits: [
    {
      file: "src/replica.ts",
      find: "await worker.start();",
      replace:
        "await database.query({ name: \"run_all\", text: \"update chats set status = 'running', worker_id = null where status = 'waiting' and not archived\" }, []);\n    await worker.start();",
    },
  ],
  kills: ["owner/idle-not-rerun"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
