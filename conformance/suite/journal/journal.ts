import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { BaselineEntry } from "../baseline/baseline.js";
import type { Manifest } from "../manifest/manifest.js";
import type { Unlock } from "../plan/unlocks.js";
import type { Level, RuleId } from "../rules/requirements.js";
import type { CellResult } from "../run/cell-result.js";
import { readText } from "../read-text.js";
import { UsageError } from "../usage-error.js";

/** A case as it was planned. */
export interface PlannedCase {
  readonly id: string;
  readonly title: string;
  readonly level: Level;
  readonly rules: readonly RuleId[];
  readonly profile: string;
  readonly mutant: string;
  readonly kind: "run" | "not_applicable" | "not_verified";
  /** Why it does not run. */
  readonly why?: string | undefined;
  /** The keys of its cells. */
  readonly cells: readonly string[];
}

/** What was to be done, and with what: everything that reports tell besides results. */
export interface JournalHeader {
  readonly type: "run";
  readonly startedAt: string;
  readonly manifestPath: string;
  readonly implementation: Manifest["implementation"];
  readonly claims: Manifest["claims"];
  readonly seed: string;
  readonly cases: readonly PlannedCase[];
  readonly unlocks: readonly Unlock[];
  readonly baseline: readonly BaselineEntry[];
  /** The ids of all cases, the unselected ones too: a baseline may name those. */
  readonly knownCases: readonly string[];
}

type JournalLine =
  | JournalHeader
  | { readonly type: "begun"; readonly key: string }
  | { readonly type: "finished"; readonly result: CellResult }
  | { readonly type: "ended"; readonly durationMs: number };

export interface Journal {
  readonly header: JournalHeader;
  readonly results: readonly CellResult[];
  /** The keys of cells that were begun. */
  readonly begun: ReadonlySet<string>;
  /** Undefined when the run was broken off. */
  readonly durationMs: number | undefined;
}

/** Writes a journal: one line of JSON for each thing, which is in the file before the call returns. */
export class JournalWriter implements Disposable {
  readonly #file: number;
  #isOpen = true;

  /** Replaces what stands at the path. */
  constructor(path: string, header: JournalHeader) {
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, "w");
    this.#write(header);
  }

  begun(key: string): void {
    this.#write({ type: "begun", key });
  }

  finished(result: CellResult): void {
    this.#write({ type: "finished", result });
  }

  /** The run came to its end. */
  ended(durationMs: number): void {
    this.#write({ type: "ended", durationMs });
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) closeSync(this.#file);
    this.#isOpen = false;
  }

  #write(line: JournalLine): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

/**
 * Reads a journal, also one whose writer died in the middle of a line.
 *
 * @throws {UsageError} when there is none, or something else
 */
export async function readJournal(path: string): Promise<Journal> {
  const text = await readText(path, "run the suite first");
  const lines = text.split("\n").flatMap((line) => parseLine(line));
  const [header] = lines;
  if (header?.type !== "run") throw new UsageError(`${path} is no journal of a run`);
  return {
    header,
    results: lines.flatMap((line) => (line.type === "finished" ? [line.result] : [])),
    begun: new Set(lines.flatMap((line) => (line.type === "begun" ? [line.key] : []))),
    durationMs: lines.flatMap((line) => (line.type === "ended" ? [line.durationMs] : []))[0],
  };
}

function parseLine(line: string): JournalLine[] {
  try {
    return line === "" ? [] : [JSON.parse(line) as JournalLine];
  } catch {
    return [];
  }
}
