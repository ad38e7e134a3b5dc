import type { Episode } from "../../../src/gen/palaver/chat/v1/event_pb.js";
import { compareEpisodes } from "../joined-step.js";
import type { Finding, Invariant } from "./invariant.js";

/** Episodes and the numbers of their deltas. */
export const seqContiguous: Invariant = {
  id: "seq-contiguous",
  rules: ["STREAM-5"],
  sentence:
    "Within an episode deltas come in the order of seq without gap or repeat, from 1 unless a cursor goes on in it.",
  check: ({ transcript, events }) => {
    const findings: Finding[] = [];
    const lastSeqs = new Map<string, bigint>();
    // The first delta may go on where the cursor was, as long as nothing says that this episode is over.
    let mayContinue = transcript.cursor !== "";
    for (const { event, frame } of events) {
      if (event.case === "previewReset") lastSeqs.clear();
      if (event.case === "previewReset" || event.case === "historyReset" || event.case === "message")
        mayContinue = false;
      if (event.case !== "messagePart") continue;
      const { episode, firstSeq, seq } = event.value;
      const key = nameOf(episode);
      const last = lastSeqs.get(key);
      if (last === undefined && mayContinue ? firstSeq < 1n : firstSeq !== (last ?? 0n) + 1n)
        findings.push({ frame, observed: `delta ${firstSeq} of ${key} after ${last ?? "nothing"}` });
      if (seq < firstSeq) findings.push({ frame, observed: `a delta of ${key} from ${firstSeq} to ${seq}` });
      if (episode === undefined || episode.generationAttempt < 1)
        findings.push({ frame, observed: `a delta of ${key}: attempts count from 1` });
      lastSeqs.set(key, seq);
      mayContinue = false;
    }
    return findings;
  },
};

export const noLateDeltas: Invariant = {
  id: "no-late-deltas",
  rules: ["STREAM-7"],
  sentence: "Nothing of an episode comes after its commit, or after a newer episode.",
  check: ({ events }) => {
    const findings: Finding[] = [];
    let newest: Episode | undefined;
    // Episodes that began with an older history are over.
    let written = 0n;
    let rewritten: Episode | undefined;
    for (const { event, frame } of events) {
      if (event.case === "message" && (event.value.message?.revision ?? 0n) > written)
        written = event.value.message?.revision ?? 0n;
      if (event.case === "historyReset") rewritten = newest;
      if (event.case !== "messagePart" || event.value.episode === undefined) continue;
      const { episode } = event.value;
      if (episode.historyVersion < written)
        findings.push({
          frame,
          observed: `a delta of ${nameOf(episode)} after a message of version ${written}`,
        });
      else if (newest !== undefined && compareEpisodes(episode, newest) < 0)
        findings.push({ frame, observed: `a delta of ${nameOf(episode)} after one of ${nameOf(newest)}` });
      else if (rewritten !== undefined && compareEpisodes(episode, rewritten) <= 0)
        findings.push({ frame, observed: `a delta of ${nameOf(episode)} after the history was rewritten` });
      else newest = episode;
    }
    return findings;
  },
};

export const newAttemptResets: Invariant = {
  id: "new-attempt-resets",
  rules: ["STREAM-9", "OWN-3"],
  sentence:
    "What was shown of an attempt is taken back by preview_reset before the next attempt shows anything.",
  check: ({ events }) => {
    const findings: Finding[] = [];
    let shown: Episode | undefined;
    for (const { event, frame } of events) {
      if (event.case === "previewReset" || event.case === "historyReset" || event.case === "message")
        shown = undefined;
      if (event.case !== "messagePart" || event.value.episode === undefined) continue;
      const { episode } = event.value;
      if (
        shown?.historyVersion === episode.historyVersion &&
        shown.generationAttempt < episode.generationAttempt
      )
        findings.push({ frame, observed: `${nameOf(episode)} is shown on top of ${nameOf(shown)}` });
      shown = episode;
    }
    return findings;
  },
};

function nameOf(episode: Episode | undefined): string {
  return episode === undefined
    ? "no episode"
    : `episode ${episode.historyVersion}/${episode.generationAttempt}`;
}
