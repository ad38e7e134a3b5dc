import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M05",
  title: "a relayed delta that says the same as the one before is taken for a repetition",
  edits: [
    {
      file: "src/relay/mirror.ts",
      find: "if (part === undefined || Number(firstSeq) - 1 !== writer?.lastSeq) return this.#broken();",
      replace: "if (part === undefined || writer === undefined) return this.#broken();",
    },
    {
      file: "src/relay/mirror.ts",
      find: "if (same && held.seq === afterSeq) return true;",
      replace: "if (same) return true;",
    },
    {
      file: "src/relay/mirror.ts",
      find: "for (const one of splitPart(part, lengths)) writer.append({ role, block, part: one });",
      replace:
        "for (const one of splitPart(part, lengths)) {\n          const said = JSON.stringify(one);\n          if (said !== (writer as any).said) writer.append({ role, block, part: one });\n          (writer as any).said = said;\n        }",
    },
  ],
  kills: ["relay-reconnect/identical-tokens"],
  spares: [
    "order/seq-contiguous",
    "relay-stale/same-owner-next-episode",
    "relay-reconnect/drop-mid-episode-recovers",
  ],
};
