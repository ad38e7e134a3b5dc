import { endsAgree, sameDeltas, sameMessages } from "./invariants/agreement.js";
import { commitEqualsDeltas } from "./invariants/commit-equals-deltas.js";
import { newAttemptResets, noLateDeltas, seqContiguous } from "./invariants/deltas.js";
import {
  beginsWithStatus,
  caughtUpOnce,
  errorsExplain,
  everyMessageDecodes,
  nothingAfterEnd,
} from "./invariants/form.js";
import type { Conditions, Invariant, JointInvariant, Violation } from "./invariants/invariant.js";
import { messageIdsGrow, noMessageTwice, partsWellFormed, versionsGrow } from "./invariants/messages.js";
import { noCanary } from "./invariants/no-canary.js";
import { idleExplained, statusLegal, statusNotRepeated } from "./invariants/status.js";
import { readTranscript, type Transcript } from "./transcript.js";

/** What every transcript of every case has to keep. */
export const ambientInvariants: readonly Invariant[] = [
  everyMessageDecodes,
  beginsWithStatus,
  caughtUpOnce,
  nothingAfterEnd,
  errorsExplain,
  seqContiguous,
  noLateDeltas,
  newAttemptResets,
  commitEqualsDeltas,
  messageIdsGrow,
  noMessageTwice,
  versionsGrow,
  partsWellFormed,
  statusLegal,
  statusNotRepeated,
  idleExplained,
  noCanary,
];

/** Checks one transcript, at any time: also one that still goes on. */
export function checkTranscript(transcript: Transcript, conditions: Conditions = {}): Violation[] {
  const read = readTranscript(transcript);
  return ambientInvariants.flatMap(({ check, ...invariant }) =>
    check(read, conditions).map((finding) => ({ ...finding, invariant, transcript })),
  );
}

/** Checks transcripts of one chat against each other, at any time and wherever each of them begins and ends. */
export function checkTogether(transcripts: readonly Transcript[]): Violation[] {
  return [sameMessages, sameDeltas].flatMap((invariant) => checkJointly(invariant, transcripts));
}

/** Checks that subscribers of one chat, all of which began without a cursor and now have everything, know the same. */
export function checkEnds(transcripts: readonly Transcript[]): Violation[] {
  return checkJointly(endsAgree, transcripts);
}

function checkJointly(
  { check, ...invariant }: JointInvariant,
  transcripts: readonly Transcript[],
): Violation[] {
  return check(transcripts.map(readTranscript)).flatMap(({ subscriber, ...finding }) => {
    const transcript = transcripts[subscriber];
    return transcript === undefined ? [] : [{ ...finding, invariant, transcript }];
  });
}
