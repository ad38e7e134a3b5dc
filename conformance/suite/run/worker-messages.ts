import type { Manifest } from "../manifest/manifest.js";
import type { Cell } from "../plan/cell.js";
import type { CellResult } from "./cell-result.js";

/** To the process that runs cases. */
export type ToWorker =
  | { readonly type: "open"; readonly suite: string; readonly manifest: Manifest }
  | { readonly type: "run"; readonly cell: Cell; readonly keepsTimeline: boolean };

/** From it. */
export type FromWorker =
  | { readonly type: "opened" }
  /** The target could not be had. */
  | { readonly type: "unreachable"; readonly message: string }
  | { readonly type: "finished"; readonly result: CellResult; readonly goesOn: boolean };
