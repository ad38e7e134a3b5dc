import {
  type AttemptRef,
  type ChatState,
  type Chats,
  type Fence,
  maxAttempts,
  type OpenCall,
  type Partial,
  type WorkerInput,
  type WorkerRefusal,
} from "../chat/index.js";
import { ModelError, type ModelRegistry, type ModelRequest } from "../models/index.js";
import type { Clock, Logger } from "../platform/index.js";
import { type ChatError, foldDeltas, type MessageRecord, type ToolResultPart } from "../protocol/index.js";
import type { DeltaLog, EpisodeOutcome, EpisodeWriter } from "../stream/index.js";
import type { ToolRegistry } from "../tools/index.js";
import { decide } from "./decide.js";
import type { SilenceLimits } from "./generate.js";
import { runModelStep } from "./model-step.js";
import { namedFiles } from "./named-files.js";
import { retryDelayMs } from "./retry-delay.js";
import type { StepResult } from "./step-result.js";
import { planCalls } from "./tool-batch.js";
import { runToolStep } from "./tool-step.js";
import type { TurnControl } from "./turn-control.js";

export interface TurnDeps {
  readonly chats: Pick<Chats, "work" | "readState">;
  /** What the model may see, oldest first. */
  readonly readHistory: (chatId: string) => Promise<MessageRecord[]>;
  /** The bytes of the files with these ids, as far as they exist, are the chat's owner's and fit into a prompt; the first go first. */
  readonly readFiles: (chatId: string, ids: readonly string[]) => Promise<ModelRequest["files"]>;
  readonly models: ModelRegistry;
  readonly tools: ToolRegistry;
  readonly deltaLog: DeltaLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly silence: SilenceLimits;
  readonly toolTimeoutMs: number;
  /** What one step may generate: bytes, roughly, with a little for each fragment. Everything else that holds a step is bounded by it. */
  readonly maxStepWeight: number;
}

/** A chat that this worker has acquired. */
export interface Lease {
  readonly chatId: string;
  readonly fence: Fence;
  readonly state: ChatState;
  /** Whether the next attempt was begun when it was acquired. */
  readonly begun: boolean;
  /** What the model may see, if somebody has read it since the chat was left like that. */
  readonly history?: Promise<readonly MessageRecord[] | undefined> | undefined;
}

/**
 * How a worker came to the end of what it ran:
 * - `idle`: there is nothing left to do; the turn is over, or awaits its client.
 * - `released`: handed over at the boundary of a step.
 * - `cut`: handed over in the middle of a step, which has to be generated anew.
 * - `lost`: the chat was not this worker's any more.
 */
export type TurnEnd = "idle" | "released" | "cut" | "lost";

/**
 * Runs a chat's turns until the chat is idle, failed, handed over or lost.
 *
 * Every step reads the durable history and asks {@link decide}; every write names the lease and, for steps, the attempt, so that a
 * worker that was overtaken changes nothing. What became of the chat is in the database; what is returned is for logs.
 *
 * @throws whatever the database throws that is not worth waiting for; the lease is then still held
 */
export async function runTurn(deps: TurnDeps, lease: Lease, control: TurnControl): Promise<TurnEnd> {
  const turn = new Turn(deps, lease, control);
  return turn.run();
}

/** After a step: the chat as it is now, or undefined when it is not ours any more. */
type After = ChatState | undefined;

/** An attempt that has begun, or what became of the chat instead. */
type Begun =
  | { readonly instead: false; readonly attempt: AttemptRef }
  | { readonly instead: true; readonly chat: After };

class Turn {
  readonly #deps: TurnDeps;
  readonly #chatId: string;
  readonly #fence: Fence;
  readonly #control: TurnControl;
  readonly #logger: Logger;
  #state: ChatState;
  /** Whether the chat is what our last write made of it: one that advances no version, and whose answer is missing, may have arrived. */
  #isKnown = true;
  /** The chat with an attempt that was begun already, for the first step alone. */
  readonly #begun: ChatState | undefined;
  /** Read beforehand, for the first step alone. If it was changed since, what comes of it is refused. */
  #history: Lease["history"];
  #staleInARow = 0;
  #handedOver: "released" | "cut" | undefined;

  constructor(deps: TurnDeps, lease: Lease, control: TurnControl) {
    this.#deps = deps;
    this.#chatId = lease.chatId;
    this.#fence = lease.fence;
    this.#state = lease.state;
    this.#begun = lease.begun ? lease.state : undefined;
    this.#history = lease.history;
    this.#control = control;
    this.#logger = deps.logger.child({ chat_id: lease.chatId, lease_epoch: lease.fence.leaseEpoch });
  }

  async run(): Promise<TurnEnd> {
    for (;;) {
      const after = await this.#next();
      if (after === undefined) return this.#handedOver ?? "lost";
      this.#state = after;
      const { status } = after.phase;
      if (status !== "running" && status !== "interrupting") return "idle";
    }
  }

  async #next(): Promise<After> {
    const state = this.#state;
    const { cause } = this.#control;
    if (cause === "lost") return undefined;
    if (state.phase.status === "interrupting" || cause === "interrupt")
      return this.#finishInterrupt(state.checkpoint);
    if (cause === "shutdown") return this.#release("released");
    const retry = state.phase.status === "running" ? state.phase.retry : undefined;
    if (retry !== undefined) {
      if (this.#control.draining) return this.#release("released");
      if (!(await this.#waitForRetry(retry.due_at))) return state;
    }
    const history = await this.#readHistory();
    const next = decide(history, state.openCalls);
    switch (next.type) {
      case "run-tools":
        return this.#runTools(next.calls);
      case "call-model":
        return this.#callModel(history);
      case "finish-turn":
        if (next.why === "step-limit") this.#logger.warn({}, "the turn reached its step limit");
        return this.#write({
          type: "FinishTurn",
          fence: this.#fence,
          historyVersion: state.versions.history,
        });
      default:
        return next satisfies never;
    }
  }

  async #readHistory(): Promise<readonly MessageRecord[]> {
    const history = await this.#history;
    this.#history = undefined;
    return history ?? this.#untilDatabaseAnswers(() => this.#deps.readHistory(this.#chatId));
  }

  async #waitForRetry(dueAt: string): Promise<boolean> {
    const { clock } = this.#deps;
    const waitMs = new Date(dueAt).getTime() - clock.now().getTime();
    if (waitMs <= 0) return true;
    this.#control.waiting = true;
    const waited = await clock.sleep(waitMs, { signal: this.#control.waitSignal() }).then(
      () => true,
      () => false,
    );
    this.#control.waiting = false;
    return waited;
  }

  async #callModel(history: readonly MessageRecord[]): Promise<After> {
    const state = this.#state;
    const unreadable = history.find((message) => message.contentError !== undefined);
    if (unreadable !== undefined) {
      const message = `Message ${unreadable.id} of this chat cannot be read (${unreadable.contentError ?? ""}), so the model cannot be asked.`;
      return this.#fail({ message, kind: "config" });
    }
    const model = this.#deps.models.resolve(state.model);
    if (model === undefined) {
      return this.#fail({
        message: `The model "${state.model}" is not configured on this server.`,
        kind: "config",
      });
    }
    const request: ModelRequest = {
      history: history.map(({ role, parts, model: author }) => ({ role, parts, model: author })),
      tools: this.#deps.tools.declarations(),
      files: await this.#untilDatabaseAnswers(() => this.#deps.readFiles(this.#chatId, namedFiles(history))),
    };
    const begun = await this.#beginAttempt();
    if (begun.instead) return begun.chat;
    const { attempt } = begun;
    return this.#inEpisode(attempt, async (writer) => {
      const { clock, silence, maxStepWeight: maxWeight } = this.#deps;
      const { signal } = this.#control;
      let result: StepResult;
      try {
        result = await runModelStep(model, request, { writer, signal, clock, silence, maxWeight });
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        return this.#failedAttempt(error, attempt);
      }
      return this.#endStep(attempt, result);
    });
  }

  async #failedAttempt(error: ModelError, attempt: AttemptRef): Promise<After> {
    const chatError: ChatError = {
      message: error.message,
      kind: error.kind,
      provider: error.provider,
      retryable: error.retryable,
      ...(error.statusCode === undefined ? {} : { status_code: error.statusCode }),
      ...(error.detail === undefined ? {} : { detail: error.detail }),
    };
    this.#logger.warn(
      {
        kind: error.kind,
        provider: error.provider,
        status_code: error.statusCode,
        attempt: attempt.generationAttempt,
      },
      "a model call failed",
    );
    // Of a failed attempt nothing is kept, unless an interrupt of which we have not heard came before the failure.
    const shown = this.#shown();
    if (!error.retryable || attempt.generationAttempt >= maxAttempts) return this.#fail(chatError, shown);
    const delayMs = retryDelayMs(attempt.generationAttempt, error.retryAfterMs);
    const dueAt = new Date(this.#deps.clock.now().getTime() + delayMs).toISOString();
    const retry = { attempt: attempt.generationAttempt, delay_ms: delayMs, due_at: dueAt, error: chatError };
    return this.#write({ type: "RecordRetry", fence: this.#fence, attempt, retry }, shown);
  }

  /** What subscribers have seen of the running step. */
  #shown(): Partial | undefined {
    const deltas = this.#deps.deltaLog.current(this.#chatId)?.suffixAfter(0).deltas ?? [];
    return deltas.length === 0 ? undefined : { ...foldDeltas(deltas), model: this.#state.model };
  }

  async #runTools(calls: readonly OpenCall[]): Promise<After> {
    const { clock, tools, toolTimeoutMs: timeoutMs } = this.#deps;
    const earlier = this.#state.checkpoint?.role === "tool" ? this.#state.checkpoint.parts : [];
    const begun = await this.#beginAttempt();
    if (begun.instead) return begun.chat;
    const { attempt } = begun;
    const plans = planCalls(calls, tools, earlier, clock.now().toISOString());
    const toolCallIds = plans.flatMap((plan) => (plan.type === "run" ? [plan.call.toolCallId] : []));
    const startedAt = clock.now().toISOString();
    const started = await this.#write({
      type: "StartCalls",
      fence: this.#fence,
      attempt,
      toolCallIds,
      startedAt,
    });
    if (started === undefined || !isAttempt(started, attempt)) return started;
    this.#state = started;
    return this.#inEpisode(attempt, async (writer) => {
      const result = await runToolStep(plans, {
        writer,
        checkpoint: (results) => this.#checkpointResults(attempt, results),
        signal: this.#control.signal,
        clock,
        timeoutMs,
        logger: this.#logger,
      });
      return this.#endStep(attempt, result);
    });
  }

  /** Runs a step that was begun, with the log in which it is shown. */
  async #inEpisode(attempt: AttemptRef, step: (writer: EpisodeWriter) => Promise<After>): Promise<After> {
    const begun = this.#state;
    // A later turn of this replica may have an episode of the chat open, which this one must not close.
    if (this.#control.cause === "lost") return undefined;
    const writer = this.#deps.deltaLog.open(this.#chatId, attempt);
    let after: After;
    try {
      after = await step(writer);
      return after;
    } finally {
      writer.close(outcomeOf(begun, after));
    }
  }

  async #endStep(attempt: AttemptRef, { partial, complete }: StepResult): Promise<After> {
    const { cause } = this.#control;
    if (cause === "lost") return undefined;
    if (cause === "interrupt") return this.#finishInterrupt(partial);
    if (!complete) return this.#handOver(attempt, partial);
    const commit = { type: "CommitStep", fence: this.#fence, attempt, messages: [partial] } as const;
    return this.#write(commit, partial, (chat) => this.#endOfTurn(chat, partial));
  }

  /** The transition that ends the turn, if there is nothing to do after that step: not what its tools, nor what the queue asks for. */
  #endOfTurn({ openCalls, queue, versions }: ChatState, step: Partial): WorkerInput | undefined {
    if (queue.length > 0 || decide([step], openCalls).type !== "finish-turn") return undefined;
    return { type: "FinishTurn", fence: this.#fence, historyVersion: versions.history };
  }

  /** A result that is there is not lost when we die while others are still running. Best effort: the batch goes on without it. */
  async #checkpointResults(attempt: AttemptRef, results: readonly ToolResultPart[]): Promise<void> {
    const partial: Partial = { role: "tool", parts: results };
    try {
      const input = { type: "Checkpoint", fence: this.#fence, attempt, partial } as const;
      const outcome = await this.#deps.chats.work(this.#chatId, input);
      if (!("refused" in outcome)) this.#state = outcome.state ?? this.#state;
    } catch (error) {
      this.#isKnown = false;
      this.#logger.warn({ err: error }, "a checkpoint could not be written");
    }
  }

  /** While the replica drains no step begins: the turn is released instead. */
  async #beginAttempt(): Promise<Begun> {
    if (this.#control.draining) return { instead: true, chat: await this.#release("released") };
    const before = this.#state;
    if (before === this.#begun) return { instead: false, attempt: attemptOf(before) };
    const chat = await this.#write({ type: "BeginAttempt", fence: this.#fence, attempt: attemptOf(before) });
    if (chat === undefined || !isNextAttempt(before, chat)) return { instead: true, chat };
    this.#state = chat;
    return { instead: false, attempt: attemptOf(chat) };
  }

  /** Shutdown: what was generated is kept for whoever looks until the next worker begins anew. */
  async #handOver(attempt: AttemptRef, partial: Partial): Promise<After> {
    if (partial.parts.length > 0) {
      const shown = this.#deps.deltaLog.current(this.#chatId)?.suffixAfter(0);
      const after = await this.#write({ type: "Checkpoint", fence: this.#fence, attempt, partial, shown });
      if (after === undefined) return undefined;
    }
    return this.#release("cut");
  }

  async #release(as: "released" | "cut"): Promise<After> {
    const after = await this.#write({ type: "Release", fence: this.#fence });
    if (after !== undefined) this.#handedOver = as;
    return undefined;
  }

  async #finishInterrupt(partial: Partial | undefined): Promise<After> {
    const after = await this.#write({ type: "FinishInterrupt", fence: this.#fence, partial });
    if (after !== undefined) this.#control.interruptDone(after.versions.snapshot);
    return after;
  }

  async #fail(error: ChatError, step?: Partial): Promise<After> {
    return this.#write({ type: "Fail", fence: this.#fence, attempt: attemptOf(this.#state), error }, step);
  }

  /**
   * Writes a transition and says what the chat is afterwards. `step`: what to commit as partial if an interrupt came first.
   * While the database is away it is asked again until it answers or the chat is lost: a result is not thrown away for a restart of it.
   * `next`: see {@link Chats.work}.
   */
  async #write(
    input: WorkerInput,
    step?: Partial,
    next?: (chat: ChatState) => WorkerInput | undefined,
  ): Promise<After> {
    const outcome = await this.#untilDatabaseAnswers(() =>
      this.#deps.chats.work(this.#chatId, input, this.#isKnown ? this.#state : undefined, next),
    );
    if (!("refused" in outcome)) {
      this.#isKnown = true;
      this.#staleInARow = 0;
      return outcome.state;
    }
    return this.#refused(outcome, input, step);
  }

  async #refused({ refused }: WorkerRefusal, input: WorkerInput, step: Partial | undefined): Promise<After> {
    switch (refused) {
      case "INTERRUPT_REQUESTED":
        // Also what a worker before us had shown: it handed the turn over, and the interrupt came before we began (INT-2).
        return this.#finishInterrupt(step ?? this.#state.checkpoint);
      case "ATTEMPTS_EXHAUSTED":
        return this.#fail({
          message: `The step was tried ${maxAttempts} times without success.`,
          kind: "generic",
        });
      case "CHAT_NOT_FOUND":
        return undefined;
      default: {
        // Out of date: edited, taken over, or our own write arrived although its answer got lost.
        this.#staleInARow += 1;
        const state = await this.#untilDatabaseAnswers(() => this.#deps.chats.readState(this.#chatId));
        const ours = state !== undefined && (isOwnedBy(state, this.#fence) || isEndedBy(state, this.#fence));
        this.#logger.info(
          { transition: input.type, refused, ours },
          "a write of this worker was out of date",
        );
        if (!ours || this.#staleInARow > 3) return undefined;
        return state;
      }
    }
  }

  async #untilDatabaseAnswers<T>(ask: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!isRetryable(error) || this.#control.cause === "lost") throw error;
        this.#logger.warn({ err: error, failures }, "the database does not answer; trying again");
        await this.#deps.clock.sleep(Math.min(2_000, 100 * 2 ** failures));
      }
    }
  }
}

/** A refused commit leaves nothing behind of what was shown, unless the history moved on with it. */
function outcomeOf(begun: ChatState, after: After): EpisodeOutcome {
  const moved = after !== undefined && after.versions.history > begun.versions.history;
  return moved && after.versions.reset <= begun.versions.reset ? "committed" : "discarded";
}

function attemptOf(state: ChatState): AttemptRef {
  return { historyVersion: state.versions.history, generationAttempt: state.generationAttempt };
}

function isAttempt(state: ChatState, attempt: AttemptRef): boolean {
  return (
    state.versions.history === attempt.historyVersion && state.generationAttempt === attempt.generationAttempt
  );
}

/** Whether `after` is `before` with one more attempt begun; otherwise something else happened instead. */
function isNextAttempt(before: ChatState, after: ChatState): boolean {
  const { versions, generationAttempt } = before;
  const next = { historyVersion: versions.history, generationAttempt: generationAttempt + 1 };
  return after.phase.status === "running" && isAttempt(after, next);
}

function isOwnedBy(state: ChatState, fence: Fence): boolean {
  const { phase } = state;
  return (
    (phase.status === "running" || phase.status === "interrupting") &&
    phase.owner?.workerId === fence.workerId &&
    state.leaseEpoch === fence.leaseEpoch
  );
}

/** Nobody has acquired the chat since, and it is idle: the write that ended the turn arrived, and its answer got lost. */
function isEndedBy({ phase, leaseEpoch }: ChatState, fence: Fence): boolean {
  return phase.status !== "running" && phase.status !== "interrupting" && leaseEpoch === fence.leaseEpoch;
}

function isRetryable(error: unknown): boolean {
  return error instanceof Error && "retryable" in error && error.retryable === true;
}
