import type { Frame } from "../../surroundings/clients/call.js";
import type { ModelCall } from "../../surroundings/scripted-model/model-call.js";
import { gate, reasoning, type Step, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { bytesOf, formsOf } from "../../transcript/invariants/no-canary.js";

/**
 * Two steps of Anthropic's: reasoning that is signed, a gate "shown" and a call of a tool, then the end. The second prompt has to hold the signature: that
 * proves that the target keeps it.
 */
export function signedTurn(signature: string): readonly [readonly Step[], readonly Step[]] {
  return [
    [reasoning("a thought", { signature }), text("One "), gate("shown"), toolCall("look", { at: 1 })],
    [text("two")],
  ];
}

/** Whether the prompt holds the signature. */
export function holds({ rawBody }: Pick<ModelCall, "rawBody">, signature: string): boolean {
  return rawBody.includes(signature);
}

/** Where the text stands in what a client got, in whatever form: in which frames, or nowhere. */
export function placesOf(canary: string, frames: readonly Frame[]): string[] {
  const forms = formsOf(canary);
  return frames.flatMap((frame, index) => {
    const bytes = Buffer.from(bytesOf(frame));
    return forms.some((form) => bytes.includes(form)) ? [`${frame.kind} (frame ${index})`] : [];
  });
}
