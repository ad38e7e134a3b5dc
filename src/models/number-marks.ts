/** Carries numbers that a double cannot hold through packages that take values and write JSON themselves. */
export interface NumberMarks {
  /** The string that stands for a number until the request is written. */
  readonly mark: (literal: string) => string;
  /** `fetch` that makes marked strings in the text of a request numbers again. */
  readonly fetch: typeof fetch;
}

/** `nonce`: unguessable, and never sent: a text that holds a mark would become something else on the way. */
export function createNumberMarks(nonce: string): NumberMarks {
  const prefix = `number-${nonce}:`;
  // A provider's format may quote JSON inside JSON, and so the quotation marks.
  const marked = new RegExp(`\\\\*"${prefix}(-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)\\\\*"`, "g");
  const restore = (body: string): string => (body.includes(prefix) ? body.replaceAll(marked, "$1") : body);
  return {
    mark: (literal) => prefix + literal,
    fetch: (input, init) =>
      fetch(input, typeof init?.body === "string" ? { ...init, body: restore(init.body) } : init),
  };
}
