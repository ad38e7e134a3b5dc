import type { TimelineEntry } from "../run/timeline.js";
import { xmlText } from "./xml-text.js";

const timeWidth = 84;
/** Of lanes together, where there is room: a page's width. */
const pageWidth = 1_120;
const minLaneWidth = 130;
const maxLaneWidth = 190;
/** About how wide a letter is. */
const letterWidth = 7;
const rowHeight = 34;
const headHeight = 46;

/**
 * The newest entries of a timeline as a sequence diagram in SVG: a lane for each participant, an arrow for what went from one to another, a
 * mark for what one did by itself, a band for what the case said. Its colours are the page's (`sd-…` classes).
 */
export function renderSequenceDiagram(timeline: readonly TimelineEntry[], maxEntries: number): string {
  const entries = timeline.slice(-maxEntries);
  const names = [
    ...new Set(
      entries.filter(isOfCase(false)).flatMap(({ from, to }) => [from, ...(to === undefined ? [] : [to])]),
    ),
  ];
  if (names.length === 0) return "";
  const lane = Math.max(minLaneWidth, Math.min(maxLaneWidth, (pageWidth - timeWidth) / names.length));
  const width = timeWidth + Math.max(names.length, 3) * lane;
  const height = headHeight + entries.length * rowHeight + 12;
  const centre = (name: string): number => timeWidth + (names.indexOf(name) + 0.5) * lane;

  const lanes = names.map((name) => {
    const x = centre(name);
    return `<line class="sd-lane" x1="${x}" x2="${x}" y1="${headHeight - 10}" y2="${height}"/><rect class="sd-head" x="${x - 62}" y="6" width="124" height="26" rx="6"/><text class="sd-name" x="${x}" y="24">${xmlText(shortened(name, 16))}</text>`;
  });
  const rows = entries.map((entry, index) => {
    const y = headHeight + (index + 0.5) * rowHeight;
    const time = `<text class="sd-time" x="${timeWidth - 14}" y="${y + 4}">${entry.atMs.toFixed(1)}</text>`;
    return `<g>${renderRow(entry, y, width, centre)}${time}<title>${xmlText(`${entry.kind}: ${entry.text}`)}</title></g>`;
  });
  return `<svg class="sd" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="What went between the participants, in milliseconds"><text class="sd-time" x="${timeWidth - 14}" y="24">ms</text>${lanes.join("")}${rows.join("")}</svg>`;
}

function renderRow(entry: TimelineEntry, y: number, width: number, centre: (name: string) => number): string {
  const { kind, from, to, text } = entry;
  const style = `sd-${kind}`;
  if (isOfCase(true)(entry)) {
    const failed = text.startsWith("✗") ? " sd-failed" : "";
    const shown = shortened(text, Math.floor((width - timeWidth) / (letterWidth + 0.4)));
    return `<rect class="sd-band ${style}${failed}" x="${timeWidth}" y="${y - 13}" width="${width - timeWidth - 4}" height="26" rx="4"/><text class="sd-said${failed}" x="${timeWidth + 10}" y="${y + 4}">${xmlText(shown)}</text>`;
  }
  const x = centre(from);
  if (to === undefined || to === from)
    return `<circle class="sd-dot ${style}" cx="${x}" cy="${y}" r="4"/>${renderLabel(text, x + 10, y + 4, width, x - 10)}`;
  const end = centre(to);
  const side = end > x ? -1 : 1;
  const tip = `${end},${y} ${end + side * 8},${y - 4} ${end + side * 8},${y + 4}`;
  const line = `<line class="sd-arrow ${style}" x1="${x}" x2="${end + side * 7}" y1="${y}" y2="${y}"/><polygon class="sd-tip ${style}" points="${tip}"/>`;
  const [left, right] = [Math.min(x, end), Math.max(x, end)];
  const label =
    [...text].length * letterWidth < right - left
      ? `<text class="sd-text" x="${(left + right) / 2}" y="${y - 6}" text-anchor="middle">${xmlText(text)}</text>`
      : renderLabel(text, left + 4, y - 6, width, right - 4);
  return line + label;
}

/** A text that begins at `x`, or, where that leaves it more room, ends at `end`. It may run over other lanes: they are only lines. */
function renderLabel(text: string, x: number, y: number, width: number, end: number): string {
  const toTheRight = width - x;
  const toTheLeft = end - timeWidth;
  const fits = [...text].length * letterWidth <= toTheRight || toTheRight >= toTheLeft;
  const room = Math.floor((fits ? toTheRight : toTheLeft) / letterWidth);
  const place = fits ? `x="${x}"` : `x="${end}" text-anchor="end"`;
  return `<text class="sd-text" ${place} y="${y}">${xmlText(shortened(text, room))}</text>`;
}

/** What the case itself said, as opposed to what somebody did. */
function isOfCase(wanted: boolean): (entry: TimelineEntry) => boolean {
  return ({ kind }) => (kind === "check" || kind === "fence" || kind === "note") === wanted;
}

function shortened(text: string, max: number): string {
  const characters = [...text.replace(/\s+/g, " ")];
  return characters.length <= max ? characters.join("") : `${characters.slice(0, max - 1).join("")}…`;
}
