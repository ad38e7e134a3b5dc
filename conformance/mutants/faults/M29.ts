import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M29",
  title: "the one who writes deltas waits until every reader has taken them",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: "if (batch !== undefined) yield batch;",
      replace:
        "if (batch !== undefined) {\n      const readers = ((globalThis as { readers?: Set<unknown> }).readers ??= new Set());\n      readers.add(subscription);\n      try {\n        yield batch;\n      } finally {\n        readers.delete(subscription);\n      }\n    }",
    },
    {
      file: "src/agent/generate.ts",
      find: "yield next.value;",
      replace:
        "while (((globalThis as { readers?: Set<unknown> }).readers?.size ?? 0) > 0)\n        await new Promise((resolve) => setTimeout(resolve, 1));\n      yield next.value;",
    },
  ],
  kills: ["flow/slow-reader-alone", "flow/slow-reader-not-generation"],
  spares: ["resume/idle-chat", "wire/error-matrix"],
};
