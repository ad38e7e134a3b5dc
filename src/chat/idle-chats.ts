import type { Owner } from "../store/index.js";
import type { ChatState } from "./chat-state.js";

/** So many take about a megabyte. */
const maxChats = 1_024;

/**
 * Chats that wait for a message, as this replica has left them: whoever believes that they are like that still need not read them first. Others may
 * have changed them since, which shows in their versions. Of too many the longest idle ones are forgotten.
 */
export class IdleChats {
  readonly #chats = new Map<string, { readonly owner: string; readonly state: ChatState }>();

  /** What became of a chat; undefined if that is not known, or it was deleted. */
  note({ id, owner }: { readonly id: string; readonly owner: string }, state: ChatState | undefined): void {
    this.#chats.delete(id);
    if (state?.phase.status !== "waiting" || state.queue.length > 0) return;
    this.#chats.set(id, { owner, state });
    const [longestIdle] = this.#chats.keys();
    if (this.#chats.size > maxChats && longestIdle !== undefined) this.#chats.delete(longestIdle);
  }

  /**
   * It is believed once: where a row was changed without a version, by hand, one message fails and not each. Undefined also if the chat is not the
   * owner's; without one it is anybody's.
   */
  take(id: string, owner: Owner): ChatState | undefined {
    const known = this.#chats.get(id);
    if (owner !== undefined && known?.owner !== owner) return undefined;
    this.#chats.delete(id);
    return known?.state;
  }
}
