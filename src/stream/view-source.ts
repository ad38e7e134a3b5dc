import type { Clock, Logger } from "../platform/index.js";
import { PalaverError } from "../protocol/index.js";
import type { ChatReader, ChatView, ReadViewOptions } from "./chat-view.js";

const firstDelayMs = 100;
const maxDelayMs = 5_000;
/** A subscription that could not even begin is better refused than left hanging. */
const maxFirstReads = 5;

/**
 * Reads one chat, one read at a time, and repeats a read that fails after 100 ms, doubling to 5 s: a database that is away for a while
 * delays a subscription and does not end it. Only before the first answer it gives up, after 5 tries.
 */
export class ViewSource implements Disposable {
  readonly #deps: { readonly reader: ChatReader; readonly clock: Clock; readonly logger: Logger };
  readonly #chatId: string;
  #answered = false;
  #disposed = false;
  #retry: Disposable | undefined;

  constructor(
    deps: { readonly reader: ChatReader; readonly clock: Clock; readonly logger: Logger },
    chatId: string,
  ) {
    this.#deps = deps;
    this.#chatId = chatId;
  }

  /** Calls exactly one of the two, later, unless disposed before. */
  read(
    options: ReadViewOptions,
    onView: (view: ChatView | undefined) => void,
    onFailure: (error: PalaverError) => void,
  ): void {
    const attempt = (failures: number): void => {
      this.#retry = undefined;
      this.#deps.reader.readView(this.#chatId, options).then(
        (view) => {
          if (this.#disposed) return;
          this.#answered = true;
          onView(view);
        },
        (error: unknown) => {
          if (this.#disposed) return;
          if (!this.#answered && failures + 1 >= maxFirstReads) return onFailure(unavailable(error));
          const delayMs = Math.min(firstDelayMs * 2 ** failures, maxDelayMs);
          this.#deps.logger.warn(
            { err: error, chat_id: this.#chatId, retry_in_ms: delayMs },
            "a chat could not be read for its subscriber",
          );
          this.#retry = this.#deps.clock.timer(delayMs, () => attempt(failures + 1));
        },
      );
    };
    attempt(0);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#retry?.[Symbol.dispose]();
  }
}

function unavailable(cause: unknown): PalaverError {
  return new PalaverError(
    "unavailable",
    "DATABASE_UNAVAILABLE",
    "The chat cannot be read at the moment. Try again later.",
    { cause },
  );
}
