import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M32",
  title: "whoever reaches a replica's listener for its peers is taken for one of them",
  edits: [
    {
      file: "src/server/authenticate.ts",
      find: "export function authenticatePeers(clusterToken: string): Authenticate {",
      replace:
        "export function authenticatePeers(clusterToken: string): Authenticate {\n  if (clusterToken !== undefined) return () => Promise.resolve(undefined);",
    },
  ],
  kills: ["auth/relay-endpoint"],
  spares: ["order/seq-contiguous", "auth/every-rpc"],
};
