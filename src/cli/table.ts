import { cutToWidth, padToWidth, textWidth } from "./terminal-text.js";

/** A cell: what it says, and how to paint it once it has been laid out. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/**
 * Lines of aligned columns, two spaces apart. With a `maxWidth` the last column gives way. Texts have to be on one line each.
 */
export function renderTable(rows: readonly (readonly Cell[])[], maxWidth = Infinity): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns - 1 }, (_, column) =>
    Math.max(...rows.map((row) => textWidth(row[column]?.text ?? ""))),
  );
  const used = widths.reduce((sum, width) => sum + width + 2, 0);
  const lines = rows.map((row) =>
    row
      .map(({ text, paint = (plain) => plain }, column) => {
        const width = widths[column];
        return paint(
          width === undefined ? cutToWidth(text, Math.max(8, maxWidth - used)) : padToWidth(text, width),
        );
      })
      .join("  ")
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join("");
}

/** How long ago something was, in its largest unit: `now`, `5m`, `3h`, `12d`. */
export function formatAge(since: Date, now: Date): string {
  const minutes = Math.floor((now.getTime() - since.getTime()) / 60_000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes}m`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h`;
  return `${Math.floor(minutes / (24 * 60))}d`;
}
