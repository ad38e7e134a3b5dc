import type { Reporter, TestModule } from "vitest/node";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Prints one plain line such as `123 passed, 0 failed, 2 skipped` as the very last thing of a run, after the other
 * reporters, the coverage table and the teardown, for machines that read the end of the log.
 *
 * A test file that could not be run and an error outside any test count as one failure each, so a run that fails never
 * reads "0 failed".
 */
export class SummaryReporter implements Reporter {
  #line: string | undefined;

  onInit(): void {
    process.once("exit", () => {
      if (this.#line !== undefined) process.stdout.write(`${this.#line}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts: Counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) count(module, counts);
    this.#line = summaryLine(counts);
  }
}

/** The line for `counts`; the skipped part only when there is something to say. */
export function summaryLine({ passed, failed, skipped }: Readonly<Counts>): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function count(module: TestModule, counts: Counts): void {
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state !== "pending") counts[state] += 1;
    else counts.skipped += 1;
  }
  counts.failed += module.errors().length;
  for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
}
