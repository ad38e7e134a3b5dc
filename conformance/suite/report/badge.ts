import type { Report } from "./report.js";

const colors: Readonly<Record<Report["verdict"], string>> = {
  met: "brightgreen",
  met_but_for_known_failures: "yellow",
  not_met: "red",
  inconclusive: "lightgrey",
  suite_error: "lightgrey",
};

/** The JSON from which shields.io draws a badge (its endpoint schema, version 1). */
export function renderBadge({ verdict, claims, summary, known_failures }: Report): string {
  const words: Readonly<Record<Report["verdict"], string>> = {
    met: claims.profiles.join(", "),
    met_but_for_known_failures: `${known_failures} known failures`,
    not_met: summary.fail > 0 ? `${summary.fail} failed` : "baseline is wrong",
    inconclusive: "inconclusive",
    suite_error: "suite error",
  };
  const badge = {
    schemaVersion: 1,
    label: `palaver protocol ${claims.protocol}`,
    message: words[verdict],
    color: colors[verdict],
  };
  return `${JSON.stringify(badge)}\n`;
}
