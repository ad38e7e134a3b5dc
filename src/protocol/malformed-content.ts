import type * as z from "zod";

/** Stored content that is not what its version says. Never leaves this room: `decodeContent` reports it. */
export class MalformedContent extends Error {
  override readonly name = "MalformedContent";

  /** About one element, counted from 0. */
  static element(index: number, what: string): MalformedContent {
    return new MalformedContent(`element ${index}: ${what}`);
  }

  /** About an element that did not pass its schema. What zod says names fields and types; nothing of the content is in it. */
  static schema(index: number, error: z.ZodError): MalformedContent {
    const [issue] = error.issues;
    const field = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
    const what = issue?.message.replace(/, received .*$/, "") ?? "unreadable";
    return MalformedContent.element(index, field + what);
  }
}
