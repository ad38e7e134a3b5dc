import { requirements } from "../rules/requirements.js";
import type { TimelineEntry } from "../run/timeline.js";
import type { RunReport } from "./report.js";

/** How much of a timeline people get to see with a failure. */
export const shownEntries = 30;

/** A run that did not pass, as lines of plain text: what was asked for, what came, how it came to that, and how to see it again. */
export function failureLines({ message, checks, timeline, reproduce, known }: RunReport): string[] {
  const lines: string[] = [];
  if (message !== undefined) lines.push(message);
  if (known !== undefined) lines.push(`known: ${known}`);
  for (const { rule, sentence, expected, observed } of checks.filter(({ passed }) => !passed)) {
    lines.push(`${rule}  ${requirements[rule].text}`);
    lines.push(`  ✗ ${sentence}`);
    lines.push(...field("expected", expected), ...field("observed", observed));
  }
  if (timeline.length > 0) {
    const shown = timeline.slice(-shownEntries);
    lines.push(
      shown.length < timeline.length
        ? `the last ${shown.length} of ${timeline.length} lines:`
        : "what happened:",
    );
    lines.push(...shown.map((entry) => `  ${entryLine(entry)}`));
  }
  lines.push(`again: ${reproduce}`);
  return lines;
}

export function entryLine({ atMs, kind, from, to, text }: TimelineEntry): string {
  const who = to === undefined ? from : `${from} → ${to}`;
  return `${`${atMs.toFixed(1)} ms`.padStart(11)}  ${kind.padEnd(7)} ${who.padEnd(14)} ${text}`;
}

function field(name: string, value: string): string[] {
  const [first = "", ...rest] = value.split("\n");
  return [`    ${name}: ${first}`, ...rest.map((line) => `    ${" ".repeat(name.length + 2)}${line}`)];
}

/** What sets a run apart from the others of its case. */
export function runName({ wire, order, seed }: RunReport): string {
  return [wire, ...(order.length === 0 ? [] : [order.join(" → ")]), `seed ${seed}`].join(", ");
}
