import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M162",
  title: "whoever has no credential is let in as a user of their own",
  edits: [
    {
      file: "src/server/authenticate.ts",
      find: "return async (authorization) => {\n    const token = bearerToken(\n",
      replace:
        'return async (authorization) => {\n    if (authorization === undefined)\n      return { caller: { owner: "anybody", role: "user", tokenId: "none" }, recheck: undefined };\n    const token = bearerToken(\n',
    },
  ],
  kills: ["auth/every-rpc"],
  spares: ["auth/foreign-chat", "resume/foreign-cursor"],
};
