// What the process that runs cases loads: all cases, and the way to the target.
export { cases } from "../cases/all-cases.js";
export { openTarget } from "./open-target.js";
