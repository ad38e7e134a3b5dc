import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M185",
  title: "whoever looks for work takes what a living replica runs",
  edits: [
    {
      file: "src/store/chat-locks.ts",
      find: "or c.worker_id <> all (array(select r.id from replicas r",
      replace: "or c.worker_id <> $3::uuid or c.worker_id <> all (array(select r.id from replicas r",
    },
    {
      file: "src/chat/transition.ts",
      find: "if (phase.owner?.alive === true && phase.owner.workerId !== workerId)",
      replace: "if (phase.owner?.workerId === undefined && phase.owner !== undefined)",
    },
  ],
  kills: ["owner/one-model-call"],
  spares: ["lifecycle/get-unknown", "auth/every-rpc"],
};
