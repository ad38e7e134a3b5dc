import type { ChatState, NewMessage } from "./chat-state.js";
import type { Refusal } from "./transition-table.js";

/** What a transition did. `chat` is undefined when it was deleted. */
export interface Transitioned {
  readonly ok: true;
  readonly chat: ChatState | undefined;
  /** Rows for the history, in order of their ids. */
  readonly inserted: readonly NewMessage[];
  /** This message and all before `inserted` with a greater id are hidden. */
  readonly hiddenFrom: number | undefined;
  /** False when nothing at all changed, or only what no client can see: then nobody is notified. */
  readonly notify: boolean;
}

export interface Refused {
  readonly ok: false;
  readonly refusal: Refusal;
}
