import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M29",
  title: "whoever is far behind throws at the one who writes",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: "    const { log, lastSeq, weightBefore } = followed;\n",
      replace:
        '    const { log, lastSeq, weightBefore } = followed;\n    if (this.#delivering && log.weightAfter(lastSeq) > 256 * 1024) throw new Error("too far behind");\n',
    },
  ],
  kills: ["flow/slow-reader-alone", "flow/slow-reader-not-generation"],
  spares: ["resume/idle-chat", "wire/error-matrix"],
};
