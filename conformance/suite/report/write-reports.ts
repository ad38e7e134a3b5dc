import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderBadge } from "./badge.js";
import { renderHtml } from "./html.js";
import { renderJson } from "./json.js";
import { renderJunit } from "./junit.js";
import { renderMarkdown } from "./markdown.js";
import type { Report } from "./report.js";

/** What a run writes into its folder. */
export const reportFiles = {
  "report.json": renderJson,
  "junit.xml": renderJunit,
  "report.html": renderHtml,
  "summary.md": renderMarkdown,
  "badge.json": renderBadge,
} as const satisfies Readonly<Record<string, (report: Report) => string>>;

export async function writeReports(report: Report, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await Promise.all(
    Object.entries(reportFiles).map(([file, render]) => writeFile(join(directory, file), render(report))),
  );
}
