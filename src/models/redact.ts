const maxDetailCodePoints = 500;

/** Key formats of the providers, and the headers that carry keys. */
const keyPatterns: readonly RegExp[] = [
  /\bsk-[A-Za-z0-9_*.-]{2,}[A-Za-z0-9_*-]/g,
  /\bAIza[A-Za-z0-9_*-]{3,}/g,
  /\b(?:gsk|xai|key|pk|rk)[-_][A-Za-z0-9_*-]{8,}/g,
  /\bBearer\s+[^\s"',]+/gi,
  /([?&](?:key|api_key|apikey|token|access_token)=)[^&\s"']+/gi,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g,
];

/**
 * A provider's own words, fit to be shown and stored: without anything that looks like a key, without the `secrets` given,
 * at most 500 code points. Undefined if nothing is left.
 */
export function redactDetail(text: string, secrets: readonly string[]): string | undefined {
  let clean = text.toWellFormed();
  for (const secret of secrets) if (secret.length >= 4) clean = clean.replaceAll(secret, "[redacted]");
  for (const pattern of keyPatterns)
    clean = clean.replace(
      pattern,
      (_match, prefix: unknown) => `${typeof prefix === "string" ? prefix : ""}[redacted]`,
    );
  clean = clean.trim();
  if (clean === "") return undefined;
  const codePoints = Array.from(clean);
  return codePoints.length <= maxDetailCodePoints
    ? clean
    : `${codePoints.slice(0, maxDetailCodePoints - 1).join("")}…`;
}
