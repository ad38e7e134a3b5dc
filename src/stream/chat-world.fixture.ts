import { partToProto, roleToProto, type StoredPart } from "../protocol/index.js";
import { ChatModel, chatId, type StepContent, toolResult } from "./chat-model.fixture.js";
import type { ChatReader, ChatView, ReadViewOptions } from "./chat-view.js";
import { ManualClock } from "../platform/index.js";
import { DeltaLog } from "./delta-log.js";
import type { EpisodeOutcome, EpisodeWriter } from "./episode-log.js";
import type { EpisodeId } from "./episode.js";

/** A step as the worker generates it. */
interface Step extends StepContent {
  readonly episode: EpisodeId;
  readonly lease: number;
  readonly parts: StoredPart[];
  /** Undefined until the worker has opened the episode. */
  writer?: EpisodeWriter;
  /** How the step ended, while the episode is not closed yet. */
  outcome?: EpisodeOutcome;
}

/**
 * A small true world: a chat, and the worker that runs its turns and writes the delta log. Whatever is illegal at the moment does
 * nothing, so that any sequence of calls is a possible history. Every step of the worker stands alone (commit, close, the next attempt
 * …), so that subscribers can look in between.
 */
export class ChatWorld implements ChatReader {
  readonly chat = new ChatModel();
  readonly clock = new ManualClock();
  readonly deltaLog = new DeltaLog({ clock: this.clock });
  /** All that was appended for the step that was committed at this version. */
  readonly committedSteps = new Map<number, { readonly episode: EpisodeId; readonly text: string }>();
  #lease = 0;
  #step: Step | undefined;

  readView(_chatId: string, options: ReadViewOptions): Promise<ChatView | undefined> {
    return Promise.resolve(this.chat.view(options));
  }

  send(whenBusy: "queue" | "interrupt" = "queue"): void {
    this.chat.send(whenBusy);
  }

  /** Replaces the last user message, or the one so many before it. */
  edit(back = 0): void {
    const messageId = this.chat.userMessageIds().at(-1 - back);
    if (messageId !== undefined) this.chat.edit(messageId);
  }

  acquire(): void {
    if (this.chat.acquire()) this.#lease = this.chat.lease;
  }

  die(): void {
    this.chat.ownerDies();
    this.#giveUp();
  }

  begin(): void {
    if (this.#generates()) return;
    this.close();
    const { chat } = this;
    const role = chat.openCalls.length > 0 ? "tool" : "assistant";
    if (!chat.beginAttempt(this.#lease)) return;
    const episode = { historyVersion: chat.versions.history, generationAttempt: chat.attempt };
    this.#step = { episode, lease: this.#lease, role, parts: [] };
  }

  /** The episode opens a moment after the attempt began. */
  openLog(): void {
    const step = this.#step;
    if (step !== undefined) step.writer ??= this.deltaLog.open(chatId, step.episode);
  }

  /** The worker appends, also when it has lost the chat and does not know yet. */
  delta(text: string, block = 1): void {
    const step = this.#writing();
    if (step === undefined) return;
    if (step.role === "tool") {
      const answered = step.parts.map(textOf);
      const call = this.chat.openCalls.find((id) => !answered.includes(id));
      if (call !== undefined) this.#appendWhole(step, toolResult(call));
      return;
    }
    const index = Math.min(block - 1, step.parts.length);
    const part = step.parts[index] ?? { type: "text", text: "" };
    if (part.type !== "text") return;
    step.parts[index] = { ...part, text: part.text + text };
    append(step, index, { type: "text", text });
  }

  /** The model calls a tool of the client. */
  call(): void {
    const step = this.#writing();
    if (step?.role !== "assistant") return;
    const id = `call-${this.chat.versions.snapshot}-${step.parts.length}`;
    this.#appendWhole(step, { type: "tool-call", tool_call_id: id, tool_name: "ask", args_json: "{}" });
  }

  /** What was generated so far is stored. */
  checkpoint(): void {
    const log = this.deltaLog.current(chatId);
    const events = log?.read(0);
    if (log !== undefined && events !== undefined) this.chat.checkpoint = { episode: log.episode, events };
  }

  /** Committed episodes are held no longer. */
  forget(): void {
    this.deltaLog[Symbol.dispose]();
  }

  commit(): void {
    const step = this.#step;
    if (step?.writer === undefined || !this.#generates()) return;
    if (!this.chat.owns(step.lease)) {
      this.#giveUp();
      return;
    }
    if (step.role === "tool") for (const _ of this.chat.openCalls) this.delta("");
    if (this.chat.commitStep(step.lease, step)) this.#committed(step);
  }

  finishInterrupt(): void {
    const step = this.#generates() && this.#step?.lease === this.#lease ? this.#step : undefined;
    const partial = step === undefined || step.parts.length === 0 ? undefined : step;
    if (!this.chat.finishInterrupt(this.#lease, partial)) return;
    if (partial === undefined) this.#giveUp();
    else this.#committed(partial);
  }

  retry(): void {
    const step = this.#step;
    if (step === undefined || !this.#generates()) return;
    if (this.chat.recordRetry(step.lease, step.episode.generationAttempt)) this.#giveUp();
  }

  fail(): void {
    if (this.chat.fail(this.#lease)) this.#giveUp();
  }

  release(): void {
    if (this.chat.release(this.#lease)) this.#giveUp();
  }

  finish(): void {
    if (!this.#generates()) this.chat.finishTurn(this.#lease);
  }

  requireAction(): void {
    if (!this.#generates()) this.chat.requireAction(this.#lease);
  }

  /** Closes the episode of a step that is over. */
  close(): void {
    if (this.#step?.outcome === undefined) return;
    this.#step.writer?.close(this.#step.outcome);
    this.#step = undefined;
  }

  #generates(): boolean {
    return this.#step !== undefined && this.#step.outcome === undefined;
  }

  /** The step to which the worker may still append: what is committed is complete. */
  #writing(): Step | undefined {
    return this.#step?.writer === undefined || this.#step.outcome === "committed" ? undefined : this.#step;
  }

  #appendWhole(step: Step, part: StoredPart): void {
    step.parts.push(part);
    append(step, step.parts.length - 1, part);
  }

  #committed(step: Step): void {
    step.outcome = "committed";
    const { episode, parts } = step;
    this.committedSteps.set(this.chat.versions.snapshot, { episode, text: parts.map(textOf).join("|") });
  }

  /** The worker sees that what it generates is void. */
  #giveUp(): void {
    if (this.#step !== undefined) this.#step.outcome ??= "discarded";
  }
}

function append({ writer, role }: Step, index: number, part: StoredPart): void {
  writer?.append({ role: roleToProto(role), block: index + 1, part: partToProto(part) });
}

function textOf(part: StoredPart): string {
  if (part.type === "text") return part.text;
  return "tool_call_id" in part ? part.tool_call_id : "";
}
