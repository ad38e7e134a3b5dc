import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M190",
  title: "the lease of a turn is counted from its message, and not from its owner's last heartbeat",
  edits: [
    {
      file: "src/store/chat-locks.ts",
      find: "where r.heartbeat_at > clock_timestamp() - $1 * interval '1 millisecond')))",
      replace: "where c.updated_at > clock_timestamp() - $1 * interval '1 millisecond')))",
    },
    {
      file: "src/chat/transition.ts",
      find: "if (phase.owner?.alive === true && phase.owner.workerId !== workerId)",
      replace: "if (phase.owner?.workerId === undefined && phase.owner !== undefined)",
    },
  ],
  kills: ["owner/lease-renewed"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
