import type { ChatView, RunningStep } from "../client/index.js";
import { messagePieces, partPieces } from "./part-pieces.js";
import type { Piece } from "./piece.js";
import { actionPiece, errorPieces, retryPiece } from "./transcript.js";

/** A chat as it is: what was said, what is being said, and why nothing is. */
export function viewPieces({ messages, step, error, retry, actionRequired }: ChatView): Piece[] {
  return [
    ...messages.flatMap(messagePieces),
    ...(step === undefined ? [] : stepPieces(step)),
    ...(error === undefined ? [] : errorPieces(error)),
    ...(retry === undefined ? [] : [retryPiece(retry)]),
    ...(actionRequired === undefined ? [] : [actionPiece(actionRequired)]),
  ];
}

/** Calls whose arguments are still coming are of no use to people. */
function stepPieces({ parts, role }: RunningStep): Piece[] {
  return parts.flatMap((part, index) =>
    part.kind.case === "toolCall" && part.kind.value.argsDelta !== ""
      ? []
      : partPieces(part, role, `step part ${index}`),
  );
}
