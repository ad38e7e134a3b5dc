import { type Status, statuses } from "../run/status.js";
import { entryLine, runName, shownEntries } from "./failure-text.js";
import { htmlStyle } from "./html-style.js";
import type { CaseReport, Report, RunReport } from "./report.js";
import { renderSequenceDiagram } from "./sequence-diagram.js";
import { lackingCases } from "./counted.js";
import { requirementCounts, seconds, statusMarks, statusWords, verdictWords } from "./words.js";
import { xmlText } from "./xml-text.js";
import { requirements, type RuleId } from "../rules/requirements.js";

/** How much of a timeline is drawn; the last lines stand there as text too. */
const drawnEntries = 60;

/** Runs of one case that are shown at length: those of other orders and wires look much the same. */
const shownRuns = 5;

const order: readonly Status[] = ["fail", "error", "warn", "not_verified", "pass", "not_applicable"];

/** One file without anything from outside, for reading and for sending around; it needs no scripts. */
export function renderHtml(report: Report): string {
  const { implementation, claims, verdict, because, seed, started_at, duration_ms } = report;
  const name = xmlText(`${implementation.name} ${implementation.version}`);
  const cases = order.flatMap((status) => report.cases.filter((each) => each.status === status));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name}: ${verdictWords[verdict]}</title>
<style>${htmlStyle}</style>
</head>
<body>
<header>
<p class="over">Palaver conformance, protocol ${xmlText(claims.protocol)}</p>
<h1>${name}</h1>
<p class="verdict verdict-${verdict}">${verdictWords[verdict]}</p>
<p>${xmlText(because)}. ${requirementCounts(report)}.</p>
${renderCounts(report)}
<p class="facts">profiles ${xmlText(claims.profiles.join(", "))} · wires ${xmlText(claims.wires.join(", "))} · ${xmlText(started_at)} · ${seconds(duration_ms)} · seed <code>${xmlText(seed)}</code></p>
</header>
<main>
${renderNotes("The baseline is wrong", report.baseline_problems)}
${renderNotes(
  "What would let more cases run",
  report.unlocks.map((unlock) => `${unlock.tier}: ${unlock.how} (${lackingCases(unlock)})`),
)}
<section><h2>Cases</h2>
${cases.length === 0 ? "<p>No case was selected.</p>" : cases.map(renderCase).join("\n")}
</section>
<section><h2>Requirements</h2>
${renderRequirements(report)}
</section>
</main>
</body>
</html>
`;
}

function renderCounts({ summary, cases }: Report): string {
  const bar = order
    .filter((status) => summary[status] > 0)
    .map((status) => `<span class="s-${status}" style="flex-grow:${summary[status]}"></span>`)
    .join("");
  const counts = statuses.map(
    (status) =>
      `<li class="${summary[status] === 0 ? "none" : ""}"><b class="s-${status}">${summary[status]}</b> ${statusWords[status]}</li>`,
  );
  return `${cases.length === 0 ? "" : `<div class="bar" aria-hidden="true">${bar}</div>`}<ul class="counts">${counts.join("")}</ul>`;
}

function renderNotes(title: string, notes: readonly string[]): string {
  if (notes.length === 0) return "";
  const items = notes.map((note) => `<li>${xmlText(note)}</li>`).join("");
  return `<section><h2>${title}</h2><ul>${items}</ul></section>`;
}

function renderCase(each: CaseReport): string {
  const { id, title, status, known, level, message, duration_ms, runs } = each;
  const isOpen = (status === "fail" || status === "error") && known === undefined;
  const mark = `<span class="mark s-${status}">${statusMarks[status]}</span>`;
  const tags = `<span class="tag">${level}</span>${known === undefined ? "" : '<span class="tag">known</span>'}`;
  const bad = runs.filter((run) => run.status !== "pass");
  const told = bad.slice(0, shownRuns).map(renderRun).join("\n");
  const more =
    bad.length > shownRuns ? `<p>… and ${bad.length - shownRuns} more runs: see report.json.</p>` : "";
  const passed = runs.length - bad.length;
  const count = runs.length > 1 ? `<p class="facts">${passed} of ${runs.length} runs passed.</p>` : "";
  const why = bad.length === 0 && message !== undefined ? `<p>${xmlText(message)}</p>` : "";
  return `<details class="case" id="${xmlText(id)}"${isOpen ? " open" : ""}>
<summary>${mark}<span class="id">${xmlText(id)}</span><span class="title">${xmlText(title)}</span>${tags}<span class="time">${runs.length === 0 ? "" : seconds(duration_ms)}</span></summary>
<div class="body">${renderRules(each)}${why}${count}${told}${more}</div>
</details>`;
}

function renderRules({ rules }: CaseReport): string {
  const items = rules.map((id) => `<dt>${ruleLink(id)}</dt><dd>${ruleText(requirements[id].text)}</dd>`);
  return `<dl class="rules">${items.join("")}</dl>`;
}

function renderRun(run: RunReport): string {
  const { status, message, known, checks, timeline, reproduce } = run;
  const failed = checks.filter(({ passed }) => !passed);
  const passed = checks.length - failed.length;
  const notes = [message, known === undefined ? undefined : `known: ${known}`]
    .filter((text) => text !== undefined)
    .map((text) => `<p class="message">${xmlText(text)}</p>`);
  const found = failed.map(
    ({ rule, sentence, expected, observed }) =>
      `<div class="check"><p><span class="s-fail">✗</span> ${ruleLink(rule)} ${xmlText(sentence)}</p><div class="pair"><div><h4>expected</h4><pre>${xmlText(expected)}</pre></div><div><h4>observed</h4><pre>${xmlText(observed)}</pre></div></div></div>`,
  );
  const others =
    passed === 0 ? "" : `<p class="facts">${passed} other ${passed === 1 ? "check" : "checks"} passed.</p>`;
  return `<section class="run"><h3><span class="s-${status}">${statusMarks[status]}</span> ${xmlText(runName(run))}</h3>
${notes.join("")}${found.join("")}${others}${renderTimeline(timeline)}
<p class="again">Again: <code>${xmlText(reproduce)}</code></p></section>`;
}

function renderTimeline(timeline: RunReport["timeline"]): string {
  if (timeline.length === 0) return "";
  const diagram = renderSequenceDiagram(timeline, drawnEntries);
  const drawn = diagram === "" ? "" : `<div class="diagram">${diagram}</div>`;
  const cut =
    timeline.length > drawnEntries
      ? `<p class="facts">The last ${drawnEntries} of ${timeline.length} entries.</p>`
      : "";
  const last = timeline.slice(-shownEntries);
  const lines = xmlText(last.map(entryLine).join("\n"));
  return `${cut}${drawn}<details class="lines"${diagram === "" ? " open" : ""}><summary>The last ${last.length} lines as text</summary><pre>${lines}</pre></details>`;
}

function renderRequirements({ requirements: all }: Report): string {
  const rows = all.map(({ id, level, text, status, cases, waiver }) => {
    const by = cases.map((each) => `<a href="#${xmlText(each)}">${xmlText(each)}</a>`).join("<br>");
    const why = waiver === undefined ? "" : `<span class="facts">${xmlText(waiver)}</span>`;
    return `<tr id="${id}"><th scope="row">${id}</th><td>${level}</td><td class="r-${status}">${status.replaceAll("_", " ")}</td><td>${ruleText(text)}</td><td>${by}${why}</td></tr>`;
  });
  return `<div class="wide"><table><thead><tr><th scope="col">rule</th><th scope="col">level</th><th scope="col">status</th><th scope="col">what it asks for</th><th scope="col">cases</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function ruleLink(id: RuleId): string {
  return `<a href="#${id}"><b>${id}</b></a>`;
}

/** What stands in backticks is code. */
function ruleText(text: string): string {
  return xmlText(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}
