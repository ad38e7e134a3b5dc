import type { Message } from "../gen/palaver/chat/v1/message_pb.js";

/**
 * A list of messages in the order of their ids, while a batch of events changes it. It is copied when the first change comes, once for the
 * whole batch: a history of any length is read in linear time.
 */
export class MessageListEdit {
  readonly #before: readonly Message[];
  #copy: Message[] | undefined;

  constructor(before: readonly Message[]) {
    this.#before = before;
  }

  /** The list as it is now; the one before when nothing has changed. */
  get messages(): readonly Message[] {
    return this.#copy ?? this.#before;
  }

  clear(): void {
    this.#copy = [];
  }

  /** Adds a message, or a newer revision of one. What the list had before the batch, in the same revision, keeps its identity. */
  put(message: Message): void {
    const { found, index } = locate(this.messages, message.id);
    if (found !== undefined && found.revision >= message.revision) return;
    const known = this.#copy === undefined ? undefined : locate(this.#before, message.id).found;
    const kept = known !== undefined && isSame(known, message) ? known : message;
    this.#copy ??= [...this.#before];
    this.#copy.splice(index, found === undefined ? 0 : 1, kept);
  }
}

/** Ids and revisions alone do not tell: after the restore of a backup they are given again, to other messages. */
function isSame(a: Message, b: Message): boolean {
  return (
    a.revision === b.revision &&
    a.createTime?.seconds === b.createTime?.seconds &&
    a.createTime?.nanos === b.createTime?.nanos
  );
}

/** The message with that id, and where it is or would be. Looks from the end, where messages are added. */
function locate(
  messages: readonly Message[],
  id: bigint,
): { readonly found: Message | undefined; readonly index: number } {
  let low = 0;
  let high = messages.length;
  const last = messages.at(-1);
  if (last !== undefined && last.id < id) low = high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((messages[middle]?.id ?? 0n) < id) low = middle + 1;
    else high = middle;
  }
  const at = messages[low];
  return { found: at?.id === id ? at : undefined, index: low };
}
