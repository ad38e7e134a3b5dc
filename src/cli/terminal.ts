import type { Readable, Writable } from "node:stream";
import pc from "picocolors";
import type { Clock, Random } from "../platform/index.js";

/** Something that text is written to. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Something that text is read from. */
export type Input = Readable & { readonly isTTY?: boolean };

/** What a command sees of the world; tests give it another one. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  readonly random: Random;
  /** Calls back at every Ctrl-C (SIGINT) until disposed; the process then does not end by itself. */
  onInterrupt(callback: () => void): Disposable;
  /** Calls back at every SIGTERM until disposed. */
  onTerminate(callback: () => void): Disposable;
  /** Ends the process without waiting for anything. */
  exitNow(code: number): void;
  /** From now on a reader of our output that goes away is no reason to end. */
  outliveReaders(): void;
}

export type Colors = ReturnType<typeof pc.createColors>;

/** Colours for an output: on terminals only, and never with NO_COLOR or TERM=dumb. */
export function colorsFor(output: Output, env: NodeJS.ProcessEnv): Colors {
  const wanted = output.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return pc.createColors(wanted);
}

/** The width of a terminal; undefined for everything else: files and pipes have no edge. */
export function widthOf(output: Output): number | undefined {
  return output.isTTY === true ? (output.columns ?? 80) : undefined;
}

/** Writes one line of JSON, for machines. */
export function writeJsonLine(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value)}\n`);
}

/** Reads everything there is. @throws when it is not UTF-8 */
export async function readAll(input: Input): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of input as AsyncIterable<Buffer | string>) chunks.push(Buffer.from(chunk));
  return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
}
