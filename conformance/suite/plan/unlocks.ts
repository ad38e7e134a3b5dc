import { type Need, needNames } from "../cases/vocabulary.js";
import type { Manifest } from "../manifest/manifest.js";
import { offersOf } from "./offers.js";
import type { Planned } from "./plan.js";

/** How far a target lets the suite in; each tier has the needs of those before it. */
export const tiers = {
  attach: ["second_user"],
  "scripted model": ["model", "anthropic"],
  vectors: ["vectors"],
  cluster: ["replicas", "links", "bus", "processes"],
} as const satisfies Readonly<Record<string, readonly Need[]>>;

export interface Unlock {
  readonly tier: string;
  readonly need: Need;
  /** What to write in the manifest. */
  readonly how: string;
  /** How many cases lack nothing but this. */
  readonly cases: number;
  /** How many more lack this and other things. */
  readonly among: number;
}

/** What the manifest could offer in addition, and how many cases that would let run, the most first. */
export function unlocksOf(plan: readonly Planned[], manifest: Manifest): Unlock[] {
  const offers = offersOf(manifest);
  const lacking = plan.flatMap((planned) => (planned.kind === "not_verified" ? [planned.missing] : []));
  return needNames
    .flatMap((need): Unlock[] => {
      const offer = offers[need];
      const concerned = lacking.filter((missing) => missing.includes(need));
      if (offer.isThere || concerned.length === 0) return [];
      const alone = concerned.filter((missing) => missing.length === 1).length;
      return [{ tier: tierOf(need), need, how: offer.unlock, cases: alone, among: concerned.length - alone }];
    })
    .sort((a, b) => b.cases - a.cases || b.among - a.among);
}

function tierOf(need: Need): string {
  for (const [tier, its] of Object.entries(tiers)) if ((its as readonly Need[]).includes(need)) return tier;
  return "attach";
}
