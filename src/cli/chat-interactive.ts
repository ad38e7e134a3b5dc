import { isIdle } from "./chat-status.js";
import type { Connection } from "./connection.js";
import { continueHint } from "./continue-hint.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { Role } from "../gen/palaver/chat/v1/message_pb.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { follow, isLost, lostNotice } from "./follow.js";
import { briefly, interruptChat, interruptNotice } from "./interrupt-chat.js";
import { line, type Piece } from "./piece.js";
import { PromptScreen } from "./prompt-screen.js";
import { reportOf } from "./report-error.js";
import { createChat, sendMessage, type WhenBusyChoice } from "./send.js";
import { safeLine } from "./terminal-text.js";
import { colorsFor, type Surroundings } from "./terminal.js";
import { Transcript } from "./transcript.js";
import { type TranscriptWriter, writerFor } from "./transcript-writer.js";

export interface ChatInteractiveOptions {
  /** The chat to go on with; a new one, made by the first message, when absent. */
  readonly chatId?: string | undefined;
  readonly model?: string | undefined;
  readonly whenBusy?: WhenBusyChoice | undefined;
}

const help = [
  "/stop    interrupt the answer (also Ctrl-C)",
  "/queue   show what waits",
  "/quit    leave; a running answer goes on (also Ctrl-D)",
  "//…      send a message that begins with /",
  "What you type during an answer waits in the queue until it is finished.",
];

/** Talks with a chat at a terminal until somebody leaves. */
export async function chatInteractively(
  surroundings: Surroundings,
  connection: Connection,
  options: ChatInteractiveOptions,
): Promise<ExitCode> {
  const session = new InteractiveChat(surroundings, connection, options);
  return session.run();
}

interface BacklogEntry {
  readonly event: StreamEvent;
  readonly pieces: readonly Piece[];
}

/** What to print of a chat that existed before: what came since its last user message, and how much more there is. */
function lastExchange(backlog: readonly BacklogEntry[], chatId: string): Piece[] {
  const messages = backlog.filter(({ event: { event } }) => event.case === "message");
  const start = backlog.findLastIndex(
    ({ event: { event } }) => event.case === "message" && event.value.message?.role === Role.USER,
  );
  const shown = start === -1 ? backlog : backlog.slice(start);
  const earlier = messages.filter((entry) => !shown.includes(entry)).length;
  const notice = earlier === 0 ? [] : [line("note", `— ${earlier} earlier: npx palaver show ${chatId} —`)];
  return [...notice, ...shown.flatMap(({ pieces }) => pieces)];
}

class InteractiveChat {
  readonly #surroundings: Surroundings;
  readonly #connection: Connection;
  readonly #options: ChatInteractiveOptions;
  readonly #screen: PromptScreen;
  readonly #writer: TranscriptWriter;
  readonly #leave = new AbortController();
  #chatId: string | undefined;
  #transcript = new Transcript({ live: true });
  /** The subscription; there is none before the first message of a new chat. */
  #following: Promise<void> | undefined;
  /** Sends one after the other, in the order in which they were typed. */
  #sending: Promise<void> = Promise.resolve();
  /** Until the subscription tells of what was sent, the chat counts as busy. */
  #awaited: bigint | undefined;
  #interrupted = false;
  #interrupting = Promise.resolve();
  #exitCode: ExitCode = exitCode.ok;
  #failure: { readonly error: unknown } | undefined;

  constructor(surroundings: Surroundings, connection: Connection, options: ChatInteractiveOptions) {
    this.#surroundings = surroundings;
    this.#connection = connection;
    this.#options = options;
    this.#chatId = options.chatId;
    const { stdin, stdout, env } = surroundings;
    this.#screen = new PromptScreen({
      input: stdin,
      output: stdout,
      prompt: colorsFor(stdout, env).bold("› "),
      onLine: (text) => this.#onLine(text),
      onInterrupt: (text) => this.#onInterrupt(text),
      onEnd: () => this.#leave.abort(),
    });
    this.#writer = writerFor(surroundings, this.#screen);
  }

  async run(): Promise<ExitCode> {
    using screen = this.#screen;
    using _interrupts = this.#surroundings.onInterrupt(() => this.#onInterrupt(""));
    const left = new Promise<void>((resolve) =>
      this.#leave.signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    this.#print(line("note", "Type a message, /help for help."));
    if (this.#chatId !== undefined) this.#follow(this.#chatId, 0n);
    else screen.setBusy(false);
    await left;
    await this.#following;
    await this.#sending;
    await briefly(this.#interrupting, this.#surroundings.clock);
    this.#writer.endLine();
    screen[Symbol.dispose]();
    if (this.#chatId !== undefined && this.#failure === undefined) {
      this.#surroundings.stderr.write(continueHint(this.#surroundings, this.#connection, this.#chatId));
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#exitCode;
  }

  #onLine(text: string): void {
    const command = text.trim();
    if (command === "") return;
    if (command.startsWith("/") && !command.startsWith("//")) return this.#onCommand(command);
    this.#interrupted = false;
    const words = command.startsWith("//") ? text.replace("//", "/") : text;
    this.#screen.setBusy(true);
    this.#sending = this.#sending.then(() => this.#send(words));
  }

  #onCommand(command: string): void {
    switch (command) {
      case "/help":
        return this.#print(...help.map((text) => line("note", text)));
      case "/quit":
      case "/exit":
        return this.#leave.abort();
      case "/stop":
        return this.#stop();
      case "/queue": {
        const waiting = this.#transcript.queue.map(({ id, parts }) => {
          const text = parts
            .map(({ kind }) => (kind.case === "text" ? kind.value.text : `[${kind.case ?? "?"}]`))
            .join(" ");
          return line("note", `  ${id}  ${safeLine(text)}`);
        });
        return this.#print(...(waiting.length === 0 ? [line("note", "Nothing waits.")] : waiting));
      }
      default:
        return this.#print(line("warning", `There is no ${safeLine(command)}; /help lists what there is.`));
    }
  }

  /** Ctrl-C: first what is typed, then the answer, then this program. */
  #onInterrupt(text: string): void {
    if (text !== "") return this.#screen.clearLine();
    if (this.#isBusy && !this.#interrupted) return this.#stop();
    this.#exitCode = exitCode.interrupted;
    this.#leave.abort();
  }

  #stop(): void {
    if (this.#chatId === undefined || !this.#isBusy) return this.#print(line("note", "Nothing runs."));
    this.#interrupted = true;
    this.#print(interruptNotice);
    this.#interrupting = interruptChat(this.#connection, this.#chatId).then((problem) => {
      if (problem !== undefined && !this.#leave.signal.aborted) this.#print(line("error", problem));
    });
  }

  /** Never throws: what went wrong is printed, and the conversation goes on. */
  async #send(text: string): Promise<void> {
    const { model, whenBusy } = this.#options;
    const { random } = this.#surroundings;
    const deps = { random, signal: this.#leave.signal };
    try {
      if (this.#chatId === undefined) {
        const { chat, lastMessageId } = await createChat(this.#connection, { text, model }, deps);
        this.#chatId = chat.id;
        this.#awaited = lastMessageId;
        this.#follow(chat.id, lastMessageId);
      } else {
        const sent = await sendMessage(this.#connection, this.#chatId, { text, model, whenBusy }, deps);
        if (sent.outcome.case === "message") {
          const { id } = sent.outcome.value;
          this.#transcript.leaveOut(id);
          if (this.#transcript.lastMessageId <= id) this.#awaited = id;
        }
      }
    } catch (error) {
      if (this.#leave.signal.aborted) return;
      const { message, reason, advice } = reportOf(error, this.#connection.url);
      this.#print(
        line("error", `${safeLine(message)} [${reason}]`),
        ...(advice === undefined ? [] : [line("note", `  ${advice}`)]),
      );
    }
    this.#screen.setBusy(this.#isBusy);
  }

  #follow(chatId: string, afterMessageId: bigint): void {
    this.#transcript = new Transcript({ live: true, afterMessageId });
    this.#screen.setBusy(true);
    this.#following = this.#readEvents(chatId, afterMessageId).catch((error: unknown) => {
      this.#failure = { error };
      this.#leave.abort();
    });
  }

  async #readEvents(chatId: string, afterMessageId: bigint): Promise<void> {
    const { signal } = this.#leave;
    // Of a chat that existed before, only the last exchange is shown.
    let backlog: BacklogEntry[] | undefined = afterMessageId === 0n ? [] : undefined;
    const items = follow(this.#surroundings, this.#connection, { chatId, afterMessageId, signal });
    for await (const item of items) {
      if (item.type === "connection") {
        if (isLost(item.connection)) this.#print(lostNotice);
        continue;
      }
      if (item.type === "reset") this.#transcript.restart();
      const wasUnderWay = backlog === undefined && !this.#transcript.isSettled;
      // The answer to a send says which message is ours: it comes before we tell of messages.
      if (item.events.some(({ event }) => event.case === "message")) await this.#sending;
      for (const event of item.events) {
        const pieces = this.#transcript.read(event);
        if (backlog === undefined) this.#print(...pieces);
        else backlog.push({ event, pieces });
        if (event.event.case === "caughtUp" && backlog !== undefined) {
          this.#print(...lastExchange(backlog, chatId));
          backlog = undefined;
        }
      }
      if (wasUnderWay && this.#transcript.isSettled && this.#transcript.ending === "unanswered")
        this.#print(
          line("warning", this.#interrupted ? "[interrupted]" : "[the turn ended without an answer]"),
        );
      this.#noteProgress();
    }
  }

  #noteProgress(): void {
    const { status, lastMessageId } = this.#transcript;
    if (this.#awaited !== undefined && (lastMessageId > this.#awaited || !isIdle(status)))
      this.#awaited = undefined;
    const wasInterrupted = this.#interrupted;
    if (this.#transcript.isSettled) this.#interrupted = false;
    if (!this.#isBusy || wasInterrupted !== this.#interrupted) this.#writer.endLine();
    this.#screen.setBusy(this.#isBusy);
  }

  get #isBusy(): boolean {
    return this.#following !== undefined && (!this.#transcript.isSettled || this.#awaited !== undefined);
  }

  #print(...pieces: Piece[]): void {
    this.#writer.write(pieces);
  }
}
