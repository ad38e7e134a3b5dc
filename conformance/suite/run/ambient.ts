import type { Frame } from "../../surroundings/clients/call.js";
import { checkTogether, checkTranscript } from "../../transcript/check.js";
import type { Violation } from "../../transcript/invariants/invariant.js";
import type { RuleId } from "../rules/requirements.js";
import type { Watch } from "./watch.js";

/** A rule that was broken on the way, whether or not the case is about it. */
export interface AmbientViolation {
  readonly rule: RuleId;
  readonly sentence: string;
  readonly observed: string;
}

interface Seen {
  readonly watches: readonly Watch[];
  /** The ends of other calls that failed. */
  readonly failures: readonly Frame[];
  readonly canaries: readonly string[];
  readonly disturbed: boolean;
}

/** What everything that clients were sent in a run breaks. */
export function violationsOf({ watches, failures, canaries, disturbed }: Seen): AmbientViolation[] {
  const transcripts = watches.map((watch) => watch.transcript);
  const chats = new Set(watches.map(({ chatId }) => chatId));
  const found = [
    ...transcripts.flatMap((transcript) => checkTranscript(transcript, { canaries, disturbed })),
    ...[...chats].flatMap((chatId) =>
      checkTogether(transcripts.filter((transcript) => transcript.chatId === chatId)),
    ),
  ].map(told);
  return [...found, ...failures.flatMap((frame) => unexplained(frame, canaries))];
}

function told({ invariant, observed, frame, transcript }: Violation): AmbientViolation {
  const [rule] = invariant.rules;
  const where = frame === undefined ? "" : ` (frame ${frame} of a subscription to ${transcript.chatId})`;
  return { rule: rule as RuleId, sentence: invariant.sentence, observed: `${observed}${where}` };
}

/** Every call that the target fails says why in a way that programs can read, and says nothing that is secret. */
function unexplained(frame: Frame, canaries: readonly string[]): AmbientViolation[] {
  if (frame.kind !== "end" || frame.end.how !== "failed" || frame.end.failure.origin === "client") return [];
  const { code, reason, domain, message } = frame.end.failure;
  const problems: AmbientViolation[] = [];
  if ((reason ?? "") === "" || domain !== "palaver.dev")
    problems.push({
      rule: "ERR-1",
      sentence: "Every failed call has a reason of the domain palaver.dev.",
      observed: `${code}, reason ${reason ?? "none"}, domain ${domain ?? "none"}: ${message}`,
    });
  for (const canary of canaries)
    if (
      JSON.stringify(frame.end.failure, (_, value: unknown) =>
        typeof value === "bigint" ? String(value) : value,
      ).includes(canary)
    )
      problems.push({ rule: "PART-4", sentence: "No error tells what is secret.", observed: message });
  return problems;
}
