import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M149",
  title: "a worker goes on with its step while the chat is edited",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: "  draft.say(input.message);\n  draft.run();\n",
      replace:
        '  draft.say(input.message);\n  if (draft.before.phase.status === "running" && !draft.isPending()) draft.setRetry(undefined);\n  else draft.run();\n',
    },
    {
      file: "src/chat/transition-table.ts",
      find: 'Edit:              { W: "U0", E0: "U0", E1: "U0", U0: "U0", U1: "U0", R0: "U0", R1: "U0",',
      replace: 'Edit:              { W: "U0", E0: "U0", E1: "U0", U0: "U0", U1: "U0", R0: "R0", R1: "R0",',
    },
  ],
  kills: ["edit/while-running"],
  spares: ["order/seq-contiguous", "edit/truncates-suffix", "interrupt/aborts-model-call"],
};
