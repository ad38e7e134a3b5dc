/** What a piece of a transcript is, which decides how it looks and where it goes. */
export type Tone = "answer" | "reasoning" | "tool" | "user" | "note" | "warning" | "error";

/** What there is to print, before it is laid out. Texts are safe for a terminal. */
export type Piece =
  /** Text that goes on where the last flow with the same key ended, and begins on a line of its own otherwise. */
  | { readonly type: "flow"; readonly tone: Tone; readonly key: string; readonly text: string }
  /** A line by itself. */
  | { readonly type: "line"; readonly tone: Tone; readonly text: string }
  /** A wait that ends in another attempt: how long it is in all, when it ends by the server's clock, and what it is for. */
  | {
      readonly type: "wait";
      readonly text: string;
      readonly delayMs: number;
      readonly dueAt: Date | undefined;
    };

export function line(tone: Tone, text: string): Piece {
  return { type: "line", tone, text };
}
