import type { Result } from "./result.js";

export const columns = ["", "case", "value", "floor", "ratio", "bar", "met", "cpu srv", "cpu cli"] as const;

/** What one result says, column by column. */
export function row(result: Result): string[] {
  const { id, case: name, value, unit, floor, ratio, bar, met, cpu_server, cpu_client } = result;
  return [
    id,
    name,
    `${shown(value)} ${unit}`,
    floor === null ? "" : shown(floor),
    ratio === null ? "" : `${ratio.toFixed(2)} ×`,
    bar ?? "only told",
    met === null ? "" : met ? "yes" : "no",
    share(cpu_server),
    share(cpu_client),
  ];
}

/** Aligned, the first row being the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((cells) => (cells[column] ?? "").length)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Likewise, as Markdown has tables. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}

/** Three digits that mean something. */
export function shown(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

function share(cores: number | null): string {
  return cores === null ? "" : `${Math.round(cores * 100)} %`;
}
