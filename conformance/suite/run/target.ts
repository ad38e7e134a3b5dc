import type { Account, Manifest } from "../manifest/manifest.js";

/** What is judged, as a case gets at it. */
export interface Target extends AsyncDisposable {
  /** At least as many as the case needs. */
  readonly replicas: readonly { readonly name: string; readonly url: string }[];
  /** What a user's calls carry; undefined where the target asks for nothing. */
  tokenOf(account: Account): string | undefined;
}

/** Reaches or starts the target. Rejects when it cannot be had, with why. */
export type OpenTarget = (manifest: Manifest) => Promise<Target>;
