import type { ReadTranscript, Transcript } from "../transcript.js";

/** What holds for every transcript of every case. */
export interface Invariant {
  readonly id: string;
  /** The rules of the protocol that it follows from. */
  readonly rules: readonly string[];
  readonly sentence: string;
  readonly check: (read: ReadTranscript, conditions: Conditions) => Finding[];
}

/** What holds for several transcripts of one chat. */
export interface JointInvariant extends Omit<Invariant, "check"> {
  readonly check: (reads: readonly ReadTranscript[]) => JointFinding[];
}

/** What the checks have to know of the case. */
export interface Conditions {
  /** Texts that no client may ever see. */
  readonly canaries?: readonly string[];
  /**
   * Replicas died, or links between them were cut: what is committed may be more than a subscriber has seen of it, and after a crash less.
   * Otherwise it is exactly that, but for what an interrupt adds.
   */
  readonly disturbed?: boolean;
}

export interface Finding {
  /** What was observed, in words. */
  readonly observed: string;
  /** Which frame of the transcript shows it; undefined where none in particular does. */
  readonly frame: number | undefined;
}

export interface JointFinding extends Finding {
  /** Which of the transcripts shows it, counted from 0. */
  readonly subscriber: number;
}

export interface Violation extends Finding {
  readonly invariant: Omit<Invariant, "check">;
  readonly transcript: Transcript;
}
