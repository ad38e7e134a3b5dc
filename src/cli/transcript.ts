import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type ActionRequired, ChatStatus, type Retry } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatError } from "../gen/palaver/chat/v1/error_pb.js";
import { ChatErrorKind } from "../gen/palaver/chat/v1/error_pb.js";
import type { MessagePartEvent, StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { type Message, type QueuedMessage, Role } from "../gen/palaver/chat/v1/message_pb.js";
import { isIdle } from "./chat-status.js";
import { messagePieces } from "./part-pieces.js";
import { line, type Piece } from "./piece.js";
import { Preview } from "./preview.js";
import { safeLine } from "./terminal-text.js";

export interface TranscriptOptions {
  /** Show what is being generated. Otherwise only what is committed, which is never taken back. */
  readonly live: boolean;
  /** Messages up to this one are known already. */
  readonly afterMessageId?: bigint;
}

/**
 * Turns the events of a subscription into what there is to print, each thing once: text that was shown while it was generated is not
 * repeated when it is committed. Does no I/O.
 */
export class Transcript {
  readonly #live: boolean;
  readonly #preview = new Preview();
  /** Messages that whoever reads this wrote: they need not be told. */
  readonly #own = new Set<bigint>();
  #status = ChatStatus.UNSPECIFIED;
  #caughtUp = false;
  #lastMessageId: bigint;
  #queue: readonly QueuedMessage[] = [];
  /** What has been shown of the answer no longer counts; this is to be said when it begins anew, which it may never do. */
  #startOver: string | undefined;
  #lastAnswer: Message | undefined;

  constructor({ live, afterMessageId = 0n }: TranscriptOptions) {
    this.#live = live;
    this.#lastMessageId = afterMessageId;
  }

  get status(): ChatStatus {
    return this.#status;
  }

  /** Nothing runs and nothing is going to: the turn is over, and everything of it has been told. */
  get isSettled(): boolean {
    return this.#caughtUp && isIdle(this.#status);
  }

  /** How the last turn ended, of those that were told. Only for what is settled. */
  get ending(): "answered" | "interrupted" | "failed" | "unanswered" {
    if (this.#status === ChatStatus.ERROR) return "failed";
    if (this.#lastAnswer?.interrupted === true) return "interrupted";
    return this.#lastAnswer?.role === Role.ASSISTANT ? "answered" : "unanswered";
  }

  get lastMessageId(): bigint {
    return this.#lastMessageId;
  }

  get queue(): readonly QueuedMessage[] {
    return this.#queue;
  }

  /** Leaves out this message. Call it before the event of the message arrives. */
  leaveOut(messageId: bigint): void {
    this.#own.add(messageId);
  }

  /** A new subscription begins, after the last message that the old one had; its preview starts from the beginning. */
  restart(): void {
    this.#caughtUp = false;
    this.#discard("— reconnected, the answer starts over —");
  }

  read({ event }: StreamEvent): Piece[] {
    switch (event.case) {
      case "status":
        if (isIdle(this.#status) && !isIdle(event.value.status)) this.#forget();
        this.#status = event.value.status;
        return [];
      case "message":
        return event.value.message === undefined ? [] : this.#readMessage(event.value.message);
      case "messagePart":
        return this.#live ? this.#readPart(event.value) : [];
      case "queueUpdate":
        return this.#readQueue(event.value.queue);
      case "error":
        this.#preview.clear();
        this.#startOver = undefined;
        return event.value.error === undefined ? [] : errorPieces(event.value.error);
      case "retry":
        return event.value.retry === undefined ? [] : [retryPiece(event.value.retry)];
      case "actionRequired":
        return event.value.actionRequired === undefined ? [] : [actionPiece(event.value.actionRequired)];
      case "previewReset":
        this.#discard("— the answer starts over —");
        return [];
      case "historyReset":
        this.#preview.clear();
        this.#startOver = undefined;
        return [line("note", "— the history was changed —")];
      case "caughtUp":
        this.#caughtUp = true;
        return [];
      case "chatUpdate":
      case "keepalive":
      case undefined: // An event that is newer than this program (COMPAT-2).
        return [];
      default:
        return event satisfies never;
    }
  }

  #readMessage(message: Message): Piece[] {
    // A revision of a message that has been told, or the list that follows a history reset.
    if (message.id <= this.#lastMessageId) return [];
    this.#lastMessageId = message.id;
    if (message.role === Role.USER) this.#forget();
    if (this.#own.delete(message.id)) return [];
    if (message.role === Role.ASSISTANT || message.role === Role.TOOL) {
      this.#startOver = undefined;
      this.#lastAnswer = message;
      return this.#preview.commit(message);
    }
    return messagePieces(message);
  }

  #readPart(event: MessagePartEvent): Piece[] {
    const notice = this.#startOver;
    if (notice === undefined) return this.#preview.add(event);
    this.#startOver = undefined;
    this.#preview.clear();
    return [line("note", notice), ...this.#preview.add(event)];
  }

  /** What is shown of the answer will come again, or never; a commit is still compared with it. */
  #discard(notice: string): void {
    if (this.#preview.isEmpty) this.#preview.clear();
    else this.#startOver ??= notice;
  }

  /** Another turn begins. */
  #forget(): void {
    this.#preview.clear();
    this.#startOver = undefined;
    this.#lastAnswer = undefined;
  }

  #readQueue(queue: readonly QueuedMessage[]): Piece[] {
    const grew = queue.length > this.#queue.length;
    this.#queue = queue;
    return grew
      ? [
          line(
            "note",
            `[${queue.length} ${queue.length === 1 ? "message waits" : "messages wait"} in the queue]`,
          ),
        ]
      : [];
  }
}

/** Why a turn failed. */
export function errorPieces({ message, kind, detail }: ChatError): Piece[] {
  const reason = (ChatErrorKind as Partial<Record<ChatErrorKind, string>>)[kind] ?? "UNSPECIFIED";
  const said = line("error", `✗ ${safeLine(message)} [${reason}]`);
  return detail === "" || detail === message ? [said] : [said, line("note", `  ${safeLine(detail)}`)];
}

/** Which tools are waited for. */
export function actionPiece({ calls }: ActionRequired): Piece {
  const tools = calls.map(({ toolName }) => safeLine(toolName));
  return line("warning", `[waiting for a client that runs ${tools.join(", ")}]`);
}

/** How long the wait before the next attempt is, and why. */
export function retryPiece({ attempt, delayMs, dueTime, error }: Retry): Piece {
  const text = `attempt ${attempt} failed: ${safeLine(error?.message ?? "").replace(/\.$/, "")}`;
  return {
    type: "wait",
    text,
    delayMs: Number(delayMs),
    dueAt: dueTime === undefined ? undefined : timestampDate(dueTime),
  };
}
