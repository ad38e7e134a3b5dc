/**
 * Writes the pages of docs/ that are generated from the code; with --check, only compares and fails where a page is stale.
 * Run with tsx: `npm run docs`, `npm run docs -- --check`.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { renderTransitionTable } from "../src/chat/render-transition-table.js";
import { renderConfigurationReference } from "../src/config/index.js";

interface Page {
  /** Relative to docs/. */
  readonly file: string;
  readonly render: () => string;
}

const pages: readonly Page[] = [
  { file: "configuration.md", render: renderConfigurationReference },
  { file: "chat-machine.md", render: renderTransitionTable },
];

const check = process.argv.includes("--check");
for (const { file, render } of pages) {
  const path = fileURLToPath(new URL(`../docs/${file}`, import.meta.url));
  const text = render();
  const current = await readFile(path, "utf8").catch(() => undefined);
  if (current === text) continue;
  if (check) {
    process.stderr.write(`docs/${file} is stale: run \`npm run docs\`\n`);
    process.exitCode = 1;
  } else {
    await writeFile(path, text);
    process.stdout.write(`wrote docs/${file}\n`);
  }
}
