import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M157",
  title: "the arguments of calls are read and written again",
  edits: [
    {
      file: "src/protocol/to-proto.ts",
      find: "...(part.args_json === undefined ? {} : { argsJson: part.args_json }),",
      replace:
        "...(part.args_json === undefined ? {} : { argsJson: JSON.stringify(JSON.parse(part.args_json)) }),",
    },
  ],
  kills: ["wire/same-transcript"],
  spares: ["order/seq-contiguous", "wire/error-matrix"],
};
