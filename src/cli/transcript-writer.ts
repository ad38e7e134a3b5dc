import type { Clock } from "../platform/index.js";
import type { Piece, Tone } from "./piece.js";
import { type Colors, colorsFor, type Output, type Surroundings } from "./terminal.js";

/** Where text goes; the part of {@link Output} that the writer uses. */
export interface TextSink {
  write(text: string): void;
}

export interface TranscriptWriterOptions {
  /** Where the answer goes. */
  readonly answer: TextSink;
  /** Where everything else goes; the same as `answer` on a terminal, so that it all stands in order. */
  readonly aside: TextSink;
  readonly colors: Colors;
  readonly clock: Clock;
  /** Lines can be taken back: a wait counts down in place. */
  readonly canErase: boolean;
}

/**
 * Lays out pieces: every line on a line of its own, flows joined, coloured by tone. On a terminal everything goes to standard output;
 * otherwise standard output gets the answer alone, and standard error the rest. There an answer has to come in whole flows.
 */
export class TranscriptWriter {
  readonly #options: TranscriptWriterOptions;
  /** What has been written last to each sink: the flow that may go on, and whether its line is still open. */
  readonly #open = new Map<TextSink, { key: string | undefined; midLine: boolean }>();
  #wait: { readonly endsAtMs: number; readonly text: string; timer: Disposable } | undefined;

  constructor(options: TranscriptWriterOptions) {
    this.#options = options;
  }

  write(pieces: readonly Piece[]): void {
    for (const piece of pieces) this.#writePiece(piece);
  }

  /** Ends an open line. Call it before somebody else writes. */
  endLine(): void {
    this.#endWait();
    for (const [sink, { midLine }] of this.#open) if (midLine) sink.write("\n");
    this.#open.clear();
  }

  #writePiece(piece: Piece): void {
    this.#endWait();
    switch (piece.type) {
      case "flow": {
        const sink = this.#sinkOf(piece.tone);
        this.#endOthers(sink);
        if (this.#open.get(sink)?.key !== piece.key) this.#startLine(sink);
        if (piece.text === "") return;
        sink.write(this.#paint(piece.tone, piece.text));
        this.#open.set(sink, { key: piece.key, midLine: !piece.text.endsWith("\n") });
        return;
      }
      case "line":
        this.#writeLine(piece.tone, piece.text);
        return;
      case "wait":
        this.#startWait(piece);
        return;
      default:
        piece satisfies never;
    }
  }

  #writeLine(tone: Tone, text: string): void {
    const sink = this.#sinkOf(tone);
    this.#endOthers(sink);
    this.#startLine(sink);
    sink.write(`${this.#paint(tone, text)}\n`);
  }

  /** Standard output and standard error may be the same pipe: a line of one does not begin amid a line of the other. */
  #endOthers(sink: TextSink): void {
    for (const other of this.#open.keys()) if (other !== sink) this.#startLine(other);
  }

  #startLine(sink: TextSink): void {
    if (this.#open.get(sink)?.midLine === true) sink.write("\n");
    this.#open.delete(sink);
  }

  #startWait({ text, delayMs, dueAt }: Extract<Piece, { type: "wait" }>): void {
    const { clock, canErase } = this.#options;
    // The stamp is by the server's clock: it can shorten the wait for whoever comes late, never lengthen it.
    const leftMs =
      dueAt === undefined ? delayMs : Math.min(delayMs, Math.max(0, dueAt.getTime() - clock.now().getTime()));
    if (!canErase) {
      this.#writeLine("warning", `[${text}; next attempt in ${seconds(leftMs)}]`);
      return;
    }
    this.#startLine(this.#options.aside);
    this.#tick(text, clock.monotonicMs() + leftMs);
  }

  /** Shows the seconds left, now and after each second. */
  #tick(text: string, endsAtMs: number): void {
    const { clock, aside } = this.#options;
    const leftMs = Math.max(0, endsAtMs - clock.monotonicMs());
    const left = leftMs === 0 ? "next attempt now" : `next attempt in ${seconds(leftMs)}`;
    aside.write(`${eraseLine}${this.#paint("warning", `[${text}; ${left}]`)}`);
    const nextMs = leftMs === 0 ? 3_600_000 : ((leftMs - 1) % 1_000) + 1;
    this.#wait = { endsAtMs, text, timer: clock.timer(nextMs, () => this.#tick(text, endsAtMs)) };
  }

  /** What comes next replaces the countdown by a line that stays. */
  #endWait(): void {
    if (this.#wait === undefined) return;
    const { text, timer } = this.#wait;
    timer[Symbol.dispose]();
    this.#wait = undefined;
    this.#options.aside.write(`${eraseLine}${this.#paint("warning", `[${text}]`)}\n`);
  }

  #sinkOf(tone: Tone): TextSink {
    return tone === "answer" ? this.#options.answer : this.#options.aside;
  }

  #paint(tone: Tone, text: string): string {
    const { colors } = this.#options;
    switch (tone) {
      case "answer":
        return text;
      case "reasoning":
      case "note":
        return colors.dim(text);
      case "tool":
        return colors.cyan(text);
      case "user":
        return colors.bold(text);
      case "warning":
        return colors.yellow(text);
      case "error":
        return colors.red(text);
      default:
        return tone satisfies never;
    }
  }
}

/** Back to the first column, and everything after it gone. */
const eraseLine = "\r\u001b[2K";

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1_000)} s`;
}

/** The writer for a command's outputs. */
export function writerFor(
  { stdout, stderr, env, clock }: Surroundings,
  sink: TextSink = textSink(stdout),
): TranscriptWriter {
  const onTerminal = stdout.isTTY === true;
  return new TranscriptWriter({
    answer: sink,
    aside: onTerminal ? sink : textSink(stderr),
    colors: colorsFor(onTerminal ? stdout : stderr, env),
    clock,
    canErase: onTerminal && env["TERM"] !== "dumb",
  });
}

function textSink(output: Output): TextSink {
  return { write: (text) => void output.write(text) };
}
