import type { MessagePartEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { Message, Part } from "../gen/palaver/chat/v1/message_pb.js";
import { interruptedMark, messagePieces, partPieces } from "./part-pieces.js";
import { line, type Piece } from "./piece.js";
import { safeText } from "./terminal-text.js";

/** What has been shown of the step that is being generated, so that its commit adds only what is missing. */
export class Preview {
  /** Text and reasoning by block, as they came. The blocks' numbers are the order of the committed parts. */
  readonly #texts = new Map<number, { readonly kind: "text" | "reasoning"; text: string }>();
  readonly #toolCalls = new Set<string>();
  readonly #toolResults = new Set<string>();
  #others = 0;
  #count = 0;
  /** What is known of the step; of one whose beginning is missing nothing is shown before it is committed. */
  #seen: "nothing" | "from its beginning" | "from its middle" = "nothing";
  /** Tells the flows of one step from those of the next. */
  #step = 0;

  /** Whether nothing of the step has been shown. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Forgets the step. */
  clear(): void {
    this.#texts.clear();
    this.#toolCalls.clear();
    this.#toolResults.clear();
    this.#others = 0;
    this.#count = 0;
    this.#seen = "nothing";
    this.#step += 1;
  }

  /** Takes the next fragment; gives what it adds to the screen. */
  add({ part, block, role, firstSeq }: MessagePartEvent): Piece[] {
    if (this.#seen === "nothing") this.#seen = firstSeq > 1n ? "from its middle" : "from its beginning";
    if (part === undefined || this.#seen === "from its middle") return [];
    const pieces = this.#show(part, block, role);
    this.#count += pieces.length;
    return pieces;
  }

  #show(part: Part, block: number, role: MessagePartEvent["role"]): Piece[] {
    const { kind } = part;
    const key = `step ${this.#step} block ${block}`;
    switch (kind.case) {
      case "text":
      case "reasoning": {
        const shown = this.#texts.get(block);
        if (shown === undefined) this.#texts.set(block, { kind: kind.case, text: kind.value.text });
        else shown.text += kind.value.text;
        const tone = kind.case === "text" ? "answer" : "reasoning";
        return kind.value.text === "" ? [] : [{ type: "flow", tone, key, text: safeText(kind.value.text) }];
      }
      case "toolCall":
        // Fragments of arguments are of no use to people; the call follows complete, at the latest with the message.
        if (kind.value.argsJson === undefined || this.#toolCalls.has(kind.value.toolCallId)) return [];
        this.#toolCalls.add(kind.value.toolCallId);
        return partPieces(part, role, key);
      case "toolResult":
        if (kind.value.resultJson === undefined || this.#toolResults.has(kind.value.toolCallId)) return [];
        this.#toolResults.add(kind.value.toolCallId);
        return partPieces(part, role, key);
      case "file":
      case "fileReference":
      case "source":
        this.#others += 1;
        return partPieces(part, role, key);
      case undefined:
        return [];
      default:
        return kind satisfies never;
    }
  }

  /** Takes the committed message; gives what of it has not been shown. */
  commit(message: Message): Piece[] {
    if (this.isEmpty) {
      this.clear();
      return messagePieces(message);
    }
    const texts = [...this.#texts].sort(([a], [b]) => a - b).map(([block, shown]) => ({ block, ...shown }));
    const pieces: Piece[] = [];
    let others = this.#others;
    for (const [index, part] of message.parts.entries()) {
      const { kind } = part;
      const whole = (): Piece[] => partPieces(part, message.role, `message ${message.id} part ${index}`);
      switch (kind.case) {
        case "text":
        case "reasoning": {
          // Signed reasoning may be empty, and an empty fragment may not have been sent.
          if (kind.value.text === "" && texts[0]?.text !== "") break;
          const shown = texts.shift();
          if (shown === undefined) pieces.push(...whole());
          else if (kind.value.text !== shown.text)
            pieces.push(...this.#rest(shown, kind.case, kind.value.text, whole));
          break;
        }
        case "toolCall":
          if (!this.#toolCalls.has(kind.value.toolCallId)) pieces.push(...whole());
          break;
        case "toolResult":
          if (!this.#toolResults.has(kind.value.toolCallId)) pieces.push(...whole());
          break;
        default:
          if (others > 0) others -= 1;
          else pieces.push(...whole());
      }
    }
    if (message.interrupted) pieces.push(interruptedMark);
    this.clear();
    return pieces;
  }

  /** What a committed text has beyond what was shown of it, which normally is nothing (STREAM-8). */
  #rest(
    shown: { block: number; kind: string; text: string },
    kind: "text" | "reasoning",
    text: string,
    whole: () => Piece[],
  ): Piece[] {
    if (shown.kind !== kind || !text.startsWith(shown.text)) {
      return [line("note", "— what was committed differs —"), ...whole()];
    }
    const tone = kind === "text" ? "answer" : "reasoning";
    return [
      {
        type: "flow",
        tone,
        key: `step ${this.#step} block ${shown.block}`,
        text: safeText(text.slice(shown.text.length)),
      },
    ];
  }
}
