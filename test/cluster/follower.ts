import { type ChatView, createChatView, reduceChat, subscribe } from "../../src/client/index.js";
import type { TestClusterReplica } from "../kit/cluster.js";

/** Someone who watches a chat for good, now on this replica, now on that one, and goes on where they were. */
export class Follower implements AsyncDisposable {
  view: ChatView = createChatView();
  /** Why it had to begin anew, each time. */
  readonly resets: string[] = [];
  readonly #chatId: string;
  #replica: TestClusterReplica;
  #leave = new AbortController();
  #isOver = false;
  readonly #following: Promise<void>;

  constructor(chatId: string, replica: TestClusterReplica) {
    this.#chatId = chatId;
    this.#replica = replica;
    this.#following = this.#follow();
  }

  /** Disconnects, and goes on there. */
  moveTo(replica: TestClusterReplica): void {
    this.#replica = replica;
    this.#leave.abort();
  }

  async #follow(): Promise<void> {
    while (!this.#isOver) {
      this.#leave = new AbortController();
      const items = subscribe(
        { chats: this.#replica.client },
        { chatId: this.#chatId, cursor: this.view.cursor, signal: this.#leave.signal, silenceMs: 6_000 },
      );
      for await (const item of items) {
        if (item.type === "reset") this.resets.push(item.reason);
        this.view = reduceChat(this.view, item);
      }
    }
  }

  /** @throws what ended the subscription for good */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#leave.abort();
    await this.#following;
  }
}
