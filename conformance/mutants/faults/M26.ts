import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M26",
  title: "deltas that go to other replicas carry what only the provider may see",
  edits: [
    {
      file: "src/agent/step-assembler.ts",
      find: "part.provider_metadata = merged;",
      replace:
        "part.provider_metadata = merged;\n  Object.assign(globalThis, { signed: JSON.stringify(merged) });",
    },
    {
      file: "src/relay/episode-feed.ts",
      find: "events.push(deltasEvent({ firstSeq, role, block, part, lengths }));",
      replace:
        'const secret = Buffer.from((globalThis as { signed?: string }).signed ?? "");\n        const data = Buffer.concat([Buffer.from([(secret.length & 0x7f) | 0x80, secret.length >> 7]), secret]);\n        const leaky = Object.assign(Object.create(Object.getPrototypeOf(part)), part, {\n          $unknown: [{ no: 99, wireType: 2, data }],\n        });\n        events.push(deltasEvent({ firstSeq, role, block, part: leaky, lengths }));',
    },
  ],
  kills: ["redact/canary"],
  spares: ["lifecycle/create-returns-identity", "auth/every-rpc"],
};
