import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M38",
  title: "only gRPC tells the reason of an error",
  edits: [
    {
      file: "src/server/call-interceptor.ts",
      find: "const outgoing = toRpcError(error, { ...deps, method: call.method, signal });",
      replace:
        'const outgoing = toRpcError(error, { ...deps, method: call.method, signal });\n      if (call.wire !== "grpc") outgoing.details = [];',
    },
    {
      file: "src/server/complete-errors.ts",
      find: "if (body === undefined) return response;",
      replace: 'if (body === undefined || wire !== "grpc") return response;',
    },
  ],
  kills: ["wire/error-matrix"],
  spares: ["order/seq-contiguous", "resume/idle-chat"],
};
