/** One attempt at generating one step. Deltas are numbered inside it. */
export interface EpisodeId {
  /** The chat's history version when the attempt began. */
  readonly historyVersion: number;
  /** The number of the attempt, from 1. */
  readonly generationAttempt: number;
}

/** Negative when `a` began before `b`, positive when after, 0 when they are the same episode. Also places an episode relative to a chat. */
export function compareEpisodes(a: EpisodeId, b: EpisodeId): number {
  return a.historyVersion - b.historyVersion || a.generationAttempt - b.generationAttempt;
}
