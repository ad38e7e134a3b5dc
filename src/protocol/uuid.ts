const canonical = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is a UUID as the database writes it. Anything else must not reach a statement that wants one: it would fail. */
export function isUuid(text: string): boolean {
  return canonical.test(text);
}
