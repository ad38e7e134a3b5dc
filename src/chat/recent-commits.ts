import type { Clock } from "../platform/index.js";
import type { ChatRecord, MessageRecord } from "../protocol/index.js";
import type { Owner } from "../store/index.js";
import type { ChatState } from "./chat-state.js";

/** Whoever watches on this replica reads within milliseconds. */
const keptMs = 2_000;
const maxChats = 256;
const maxCommitsOfChat = 8;
/** Characters of the messages of one commit, as JSON. What is larger is read from the database. */
const maxSize = 32 * 1024;

/** What became of a chat after a version that somebody knows. */
export interface RecentChanges {
  /** As it is after the last of these commits. */
  readonly chat: ChatRecord;
  /** What they added to the history and clients may see, by id. */
  readonly messages: readonly MessageRecord[];
}

interface Recent {
  readonly chat: ChatRecord;
  readonly isQueueEmpty: boolean;
  readonly atMs: number;
  /** Of versions one after the other, the last one that of `chat`. */
  readonly commits: readonly { readonly version: number; readonly messages: readonly MessageRecord[] }[];
  /** What was answered, by the version that was known: the same for all. */
  readonly answers: Map<number, RecentChanges>;
}

/**
 * The commits that this replica has just made, so that whoever watches here need not read them back. It says nothing of what it does not know
 * for certain: the commits it was told of leave no version out, no history was rewritten by them, and no queue that is not empty was changed.
 * Others may have changed the chat since, which is announced and shows in a higher version.
 */
export class RecentCommits {
  readonly #clock: Clock;
  /** The one that was last changed is the last one. */
  readonly #chats = new Map<string, Recent>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /** What became of a chat; `state` is undefined if that is not known, or it was deleted. */
  note(chat: ChatRecord, state: ChatState | undefined, messages: readonly MessageRecord[]): void {
    const atMs = this.#clock.monotonicMs();
    const { id, snapshotVersion: version } = chat;
    const before = this.#chats.get(id);
    const isOld = before !== undefined && atMs - before.atMs > keptMs;
    // Commits of one chat may be told of in another order than they were made.
    if (state !== undefined && before !== undefined && !isOld && before.chat.snapshotVersion >= version)
      return;
    this.#chats.delete(id);
    this.#forgetOld(atMs);
    if (state === undefined || JSON.stringify(messages.map(({ parts }) => parts)).length > maxSize) return;
    const follows = !isOld && before?.chat.snapshotVersion === version - 1;
    const shown = messages.filter(({ visibility }) => visibility !== "model");
    const commits = [...(follows ? before.commits : []), { version, messages: shown }];
    const isQueueEmpty = state.queue.length === 0;
    const kept = commits.slice(-maxCommitsOfChat);
    this.#chats.set(id, { chat, isQueueEmpty, atMs, commits: kept, answers: new Map() });
    const [oldest] = this.#chats.keys();
    if (this.#chats.size > maxChats && oldest !== undefined) this.#chats.delete(oldest);
  }

  /** What became of a chat of that owner, or anybody's, after that version; undefined where more than is known here has to be asked. */
  since(chatId: string, owner: Owner, version: number): RecentChanges | undefined {
    const recent = this.#chats.get(chatId);
    if (recent === undefined || this.#clock.monotonicMs() - recent.atMs > keptMs) return undefined;
    const { chat, isQueueEmpty, commits, answers } = recent;
    if (owner !== undefined && chat.owner !== owner) return undefined;
    const isWhole = version < chat.snapshotVersion && (commits[0]?.version ?? Infinity) <= version + 1;
    const isSimple = chat.resetVersion <= version && (chat.queueVersion <= version || isQueueEmpty);
    if (!isWhole || !isSimple) return undefined;
    const known = answers.get(version);
    if (known !== undefined) return known;
    const messages = commits.flatMap((commit) => (commit.version > version ? commit.messages : []));
    const answer = { chat, messages };
    answers.set(version, answer);
    return answer;
  }

  #forgetOld(nowMs: number): void {
    for (const [id, { atMs }] of this.#chats) {
      if (nowMs - atMs <= keptMs) return;
      this.#chats.delete(id);
    }
  }
}
