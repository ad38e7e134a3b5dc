// Makes a fault in a process: node --import ./conformance/mutants/hook/register.js --import tsx …
// MUTANT_EDITS names a file with the edits as JSON: [{ file, find, replace }].
import { readFileSync } from "node:fs";
import { register } from "node:module";

const path = process.env.MUTANT_EDITS ?? "";
if (path === "") throw new Error("MUTANT_EDITS has to name a file with the edits");
register("./load.js", import.meta.url, { data: JSON.parse(readFileSync(path, "utf8")) });
