import type { Account, Manifest } from "../manifest/manifest.js";
import type { OpenTarget, Target } from "./target.js";

/** Reaches a target that somebody else has started. */
export const openTarget: OpenTarget = async (manifest) => {
  const { attach } = manifest;
  if (attach === undefined) throw new Error("this version of the suite starts no targets: use attach");
  const tokens = tokensOf(manifest);
  const target: Target = {
    replicas: attach.urls.map((url, index) => ({ name: `r${index + 1}`, url })),
    tokenOf: (account) => tokens.get(account),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return target;
};

/** @throws when a variable that the manifest names is not set */
function tokensOf({ auth }: Manifest): Map<Account, string> {
  const tokens = new Map<Account, string>();
  for (const [account, from] of Object.entries(auth)) {
    if (from === undefined) continue;
    const token = process.env[from.token_env];
    if (token === undefined || token === "")
      throw new Error(`${from.token_env}, the token of ${account}, is not set in the environment`);
    tokens.set(account as Account, token);
  }
  return tokens;
}
