import type { Case } from "../cases/define-case.js";
import type { Output } from "../report/console.js";

/** What the commands see of the world; tests give them another one. */
export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly cases: readonly Case[];
  /** The path of the module with those cases, for the process that runs them. */
  readonly suite: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
