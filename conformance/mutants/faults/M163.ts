import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M163",
  title: "of a token only the public part is compared",
  edits: [
    {
      file: "src/server/token-verifier.ts",
      find: "if (found === undefined || !secretMatches(secret, found.secretHash)) return undefined;",
      replace: 'if (found === undefined || secret === "") return undefined;',
    },
  ],
  kills: ["auth/bad-credential"],
  spares: ["auth/foreign-chat", "resume/foreign-cursor"],
};
