import type { Block } from "./dialect.js";
import type { HowCallEnded, SentPiece } from "./model-call.js";
import type { ResponseOutput } from "./response-output.js";
import { type ContentStep, defaultUsage, type HttpError, type ModelUsage, type Step } from "./script.js";

export interface Playing {
  readonly output: ResponseOutput;
  /** Unique in the server: ids of calls are made of it. */
  readonly serial: string;
  /** Aborts when the caller has left. */
  readonly signal: AbortSignal;
  /** Resolves when the gate is open; rejects when the signal aborts. */
  readonly pass: (gate: string) => Promise<void>;
  readonly onSent: (piece: Omit<SentPiece, "atMs">) => void;
  readonly refuse: (error: HttpError) => Promise<void>;
  readonly reset: () => void;
}

/**
 * Plays one response. Resolves with how it ended once all of it was handed over.
 *
 * @throws what the signal says, when the caller leaves
 */
export async function playSteps(steps: readonly Step[], playing: Playing): Promise<HowCallEnded> {
  const { output, signal } = playing;
  const blocks = new Blocks(playing);

  for (const step of steps) {
    signal.throwIfAborted();
    switch (step.kind) {
      case "text":
      case "reasoning":
      case "toolCall":
        await blocks.say(step);
        break;
      case "interleaved":
        await blocks.sayTogether(step.steps);
        break;
      case "gate":
        await output.flush();
        await playing.pass(step.name);
        break;
      case "httpError":
        if (!output.isCommitted) {
          await playing.refuse(step.error);
          return "refused";
        }
        await output.error(step.error.type ?? "api_error", step.error.message);
        return "failed";
      case "streamError":
        await output.error(step.type, step.message);
        return "failed";
      case "malformed":
        await output.raw(step.raw);
        break;
      case "reset":
        await output.flush();
        playing.reset();
        return "cut";
      case "stall":
        await output.flush();
        await aborted(signal);
        break;
      case "silentEnd":
        await output.silentEnd();
        return "cut";
      case "finish":
        await blocks.close();
        await output.finish({ reason: step.reason, usage: step.usage });
        return "completed";
      default:
        step satisfies never;
    }
  }
  await blocks.close();
  await output.finish({ reason: blocks.reason, usage: usageOf(steps) });
  return "completed";
}

/** What the response will say that it has consumed. */
export function usageOf(steps: readonly Step[]): ModelUsage {
  return steps.find((step) => step.kind === "finish")?.usage ?? defaultUsage;
}

/** The blocks of one response. Text that follows text goes on with its block. */
class Blocks {
  readonly #playing: Playing;
  #count = 0;
  #calls = 0;
  #open: Block | undefined;

  constructor(playing: Playing) {
    this.#playing = playing;
  }

  get reason(): "stop" | "tool_calls" {
    return this.#calls > 0 ? "tool_calls" : "stop";
  }

  async say(step: ContentStep): Promise<void> {
    const block = await this.#blockFor(step);
    for (const piece of step.pieces) await this.#piece(block, piece);
    if (step.kind === "toolCall" || (block.kind === "reasoning" && block.signature !== undefined))
      await this.close();
  }

  async sayTogether(steps: readonly ContentStep[]): Promise<void> {
    await this.close();
    const speaking = steps.map((step) => ({ step, block: this.#make(step) }));
    for (const { block } of speaking) await this.#playing.output.open(block);
    const longest = Math.max(0, ...steps.map(({ pieces }) => pieces.length));
    for (let index = 0; index < longest; index++) {
      for (const { step, block } of speaking) {
        const piece = step.pieces[index];
        if (piece !== undefined) await this.#piece(block, piece);
      }
    }
    for (const { block } of speaking) await this.#playing.output.close(block);
  }

  async close(): Promise<void> {
    const block = this.#open;
    this.#open = undefined;
    if (block !== undefined) await this.#playing.output.close(block);
  }

  async #blockFor(step: ContentStep): Promise<Block> {
    if (step.kind !== "toolCall" && this.#open?.kind === step.kind) {
      // What signs reasoning comes at its end, also when it was said in several steps.
      if (step.kind === "reasoning" && this.#open.kind === "reasoning" && step.signature !== undefined)
        this.#open = { ...this.#open, signature: step.signature };
      return this.#open;
    }
    await this.close();
    const block = this.#make(step);
    this.#open = block;
    await this.#playing.output.open(block);
    return block;
  }

  #make(step: ContentStep): Block {
    const index = this.#count++;
    if (step.kind === "text") return { index, kind: "text" };
    if (step.kind === "reasoning") return { index, kind: "reasoning", signature: step.signature };
    const callIndex = this.#calls++;
    const id = step.id ?? `call_${this.#playing.serial}_${callIndex}`;
    return { index, kind: "toolCall", id, name: step.name, callIndex };
  }

  async #piece(block: Block, piece: ContentStep["pieces"][number]): Promise<void> {
    const { output, onSent, pass, signal } = this.#playing;
    if (typeof piece !== "string") {
      await output.flush();
      await pass(piece.name);
      return;
    }
    await output.piece(block, piece);
    signal.throwIfAborted();
    onSent({ kind: block.kind === "toolCall" ? "arguments" : block.kind, text: piece });
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abandon = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abandon();
    signal.addEventListener("abort", abandon, { once: true });
  });
}
