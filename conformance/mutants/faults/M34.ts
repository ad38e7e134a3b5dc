import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M34",
  title: "integers of 64 bits are numbers in JSON",
  edits: [
    {
      file: "src/server/complete-errors.ts",
      find: "return response.status === 200 ? response : completeUnary({ ...response, body }, completed);",
      replace:
        'if (response.status === 200 && response.header?.get("content-type") === "application/json") {\n        const header = new Headers(response.header);\n        const texts: Uint8Array[] = [];\n        for await (const text of body) texts.push(text);\n        const changed = Buffer.from(Buffer.concat(texts).toString().replace(/:"(\\d+)"/g, ":$1"));\n        header.set("content-length", String(changed.length));\n        return { ...response, header, body: once(changed) };\n      }\n      return response.status === 200 ? response : completeUnary({ ...response, body }, completed);',
    },
  ],
  kills: ["wire/json-mapping"],
  spares: ["wire/error-matrix", "resume/foreign-cursor"],
};
