import {
  refusals,
  type StateClass,
  stateClasses,
  transitionEffects,
  type TransitionName,
  transitionTable,
} from "./transition-table.js";

/** docs/chat-machine.md, printed from the table that the machine obeys. */
export function renderTransitionTable(): string {
  const states = Object.keys(stateClasses) as StateClass[];
  const names = Object.keys(transitionTable) as TransitionName[];
  return [
    "# The chat machine",
    "",
    "<!-- Printed from src/chat/transition-table.ts by `npm run docs`. Do not edit. -->",
    "",
    "The one place that decides how a chat may change. `transition(chat, input)` is a pure function; its shell (`src/chat/chats.ts`) locks",
    "the chat's row, asks the machine, writes what it says, commits, and then publishes one notification. Nothing else writes to chats,",
    "messages, the queue or checkpoints. Two requests at once are serialised by the row lock: the second sees what the first did.",
    "",
    "Transitions that follow each other anyway are one change, with one version and one notification: whatever a client leaves to be run, with",
    "Acquire and BeginAttempt where a worker of its replica has a place; and CommitStep with FinishTurn.",
    "",
    "## States",
    "",
    "A digit says whether the queue is empty (0) or not (1). Owned means: a worker's id is set and its replica's heartbeat is younger than the lease.",
    "",
    "| state | meaning |",
    "| --- | --- |",
    ...states.map((state) => `| ${state} | ${stateClasses[state]} |`),
    "",
    "```mermaid",
    "stateDiagram-v2",
    ...diagram(),
    "```",
    "",
    "## Transitions",
    "",
    "Cells name the states a transition may lead to; a reason in capitals means that it is refused and nothing changes. `·` is the same state.",
    "",
    `| transition | ${states.join(" | ")} |`,
    `| --- |${states.map(() => " --- |").join("")}`,
    ...names.map((name) => `| ${name} | ${states.map((state) => cell(name, state)).join(" | ")} |`),
    "",
    "Create leads from nothing to U0 with a user message, and to W without one; system messages come before the user's.",
    "Delete leads from the states that allow it to nothing.",
    "",
    "## Effects",
    "",
    "| transition | effects |",
    "| --- | --- |",
    ...names.map((name) => `| ${name} | ${transitionEffects[name]} |`),
    "",
    "A user message never enters the history while calls are open: they are closed first. Leaving the error state clears the error. A promoted",
    "message keeps its author and its model. The queue's head leaves the queue and enters the history in the same transaction.",
    "",
    "## Refusals",
    "",
    "| reason | meaning |",
    "| --- | --- |",
    ...Object.entries(refusals).map(([reason, meaning]) => `| ${reason} | ${meaning} |`),
    "",
  ].join("\n");
}

function cell(name: TransitionName, state: StateClass): string {
  const target = transitionTable[name][state];
  if (target.startsWith("!")) return target.slice(1);
  return target === state ? "·" : target.replace(" ", ", ");
}

/** States without their queue digit, and which transitions lead from one to another. */
function diagram(): string[] {
  const edges = new Map<string, Set<string>>();
  for (const [name, row] of Object.entries(transitionTable)) {
    for (const [from, target] of Object.entries(row)) {
      if (target.startsWith("!")) continue;
      for (const to of target.split(" ")) {
        const [a, b] = [from.replace(/\d/u, ""), to.replace(/\d/u, "")];
        if (a === b) continue;
        const key = `${a} --> ${b}`;
        edges.set(key, (edges.get(key) ?? new Set()).add(name.split("/")[0] ?? name));
      }
    }
  }
  return ["  [*] --> U: Create", ...[...edges].map(([edge, names]) => `  ${edge}: ${[...names].join(", ")}`)];
}
