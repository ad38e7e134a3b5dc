import type { Message } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { Role } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { describeMessages, joinDelta, type JoinedPart, type JoinedStep, partsOf } from "../joined-step.js";
import type { Finding, Invariant } from "./invariant.js";

export const commitEqualsDeltas: Invariant = {
  id: "commit-equals-deltas",
  rules: ["STREAM-8", "INT-2"],
  sentence:
    "What is committed of a step is what its deltas showed, part by part and byte for byte; an interrupt may add to it, and takes nothing away.",
  check: ({ events }, { disturbed = false }) => {
    const findings: Finding[] = [];
    let step: JoinedStep | undefined;
    // What was written together with the step; complete when something else follows.
    let commit: { readonly frame: number; readonly messages: Message[] } | undefined;
    for (const { event, frame } of events) {
      if (event.case === "keepalive") continue;
      const message = event.case === "message" ? event.value.message : undefined;
      if (commit !== undefined && message?.revision !== commit.messages[0]?.revision) {
        if (step !== undefined)
          for (const observed of differences(step, commit.messages, disturbed))
            findings.push({ frame: commit.frame, observed });
        step = undefined;
        commit = undefined;
      }
      if (event.case === "previewReset" || event.case === "historyReset") step = undefined;
      else if (event.case === "messagePart") step = joinDelta(step, event.value);
      else if (message !== undefined && step !== undefined && message.revision > step.historyVersion) {
        commit ??= { frame, messages: [] };
        commit.messages.push(message);
      }
    }
    return findings;
  },
};

function differences(step: JoinedStep, written: readonly Message[], disturbed: boolean): string[] {
  const messages = written.filter(({ role }) => role === step.role);
  // The beginning was shown to the same subscriber in an earlier stream; or the attempt has failed, and nothing of it was committed.
  if (!step.fromStart || messages.length === 0) return [];
  const shown = partsOf(step).filter(saysSomething);
  const committed = describeMessages(messages).filter(saysSomething);
  if (step.role === Role.TOOL) return missingResults(shown, committed);
  const mayGrow = disturbed || messages.some(({ interrupted }) => interrupted);
  const differing = Array.from(
    { length: Math.max(shown.length, committed.length) },
    (_, index) => index,
  ).filter((index) => !agree(shown[index], committed[index], { mayGrow, mayShrink: disturbed }));
  return differing.map(
    (index) =>
      `part ${index + 1} was shown as ${inWords(shown[index])} and committed as ${inWords(committed[index])}`,
  );
}

/** Results are shown as they come; an interrupt, or a result that was never shown, adds others. */
function missingResults(shown: readonly JoinedPart[], committed: readonly JoinedPart[]): string[] {
  return shown
    .filter((part) => !committed.some((other) => other.subject === part.subject && other.text === part.text))
    .map((part) => `the result ${inWords(part)} was shown and not committed`);
}

/** Blocks that say nothing need not be committed, and reasoning that says nothing cannot be shown. */
function saysSomething({ kind, text }: JoinedPart): boolean {
  return text !== "" || (kind !== "text" && kind !== "reasoning");
}

function agree(
  shown: JoinedPart | undefined,
  committed: JoinedPart | undefined,
  { mayGrow, mayShrink }: { readonly mayGrow: boolean; readonly mayShrink: boolean },
): boolean {
  if (shown === undefined) return mayGrow;
  if (committed === undefined) return mayShrink;
  if (shown.kind !== committed.kind || shown.subject !== committed.subject) return false;
  if (shown.text === committed.text) return true;
  // A call that broke off in its arguments is committed without them.
  if (mayGrow && shown.kind === "call" && committed.text === "") return true;
  return (
    (mayGrow && committed.text.startsWith(shown.text)) || (mayShrink && shown.text.startsWith(committed.text))
  );
}

function inWords(part: JoinedPart | undefined): string {
  if (part === undefined) return "nothing";
  const { kind, subject, text } = part;
  return [kind, subject, JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)]
    .filter((word) => word !== "")
    .join(" ");
}
