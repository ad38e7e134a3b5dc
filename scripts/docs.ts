/**
 * Writes the pages that are generated from the code; with --check, only compares and fails where a page is stale.
 * Run with tsx: `npm run docs`, `npm run docs -- --check`.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { cases } from "../conformance/suite/cases/all-cases.js";
import { renderCaseBook } from "../conformance/suite/report/case-book.js";
import { waivers } from "../conformance/suite/rules/waivers.js";
import { renderTransitionTable } from "../src/chat/render-transition-table.js";
import { renderConfigurationReference } from "../src/config/index.js";

interface Page {
  /** From the project's folder. */
  readonly file: string;
  readonly render: () => string;
}

const pages: readonly Page[] = [
  { file: "docs/configuration.md", render: renderConfigurationReference },
  { file: "docs/chat-machine.md", render: renderTransitionTable },
  { file: "conformance/CASES.md", render: () => renderCaseBook(cases, waivers) },
];

const check = process.argv.includes("--check");
for (const { file, render } of pages) {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const text = render();
  const current = await readFile(path, "utf8").catch(() => undefined);
  if (current === text) continue;
  if (check) {
    process.stderr.write(`${file} is stale: run \`npm run docs\`\n`);
    process.exitCode = 1;
  } else {
    await writeFile(path, text);
    process.stdout.write(`wrote ${file}\n`);
  }
}
