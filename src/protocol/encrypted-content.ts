/**
 * A result that a provider produced, without what only the provider can read: fields whose name begins with "encrypted" hold what it wants
 * back in later prompts, such as the content of the pages that it found. Like all such things they reach no client (PART-4).
 */
export function withoutEncryptedContent(resultJson: string): string {
  if (!/"encrypted/i.test(resultJson)) return resultJson;
  try {
    return JSON.stringify(
      JSON.parse(resultJson, (key, value: unknown) => (/^encrypted/i.test(key) ? undefined : value)),
    );
  } catch {
    return resultJson;
  }
}
