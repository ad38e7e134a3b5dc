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
import { type Model, ModelError, type ModelRegistry, type ModelRequest } from "../models/index.js";
import type { Clock, Logger } from "../platform/index.js";
import {
  type ChatError,
  type MessageRecord,
  partToProto,
  roleToProto,
  type ToolResultPart,
  type Usage,
} from "../protocol/index.js";
import type { DeltaLog, EpisodeOutcome, EpisodeWriter } from "../stream/index.js";
import type { ToolRegistry } from "../tools/index.js";
import { decide } from "./decide.js";
import { generate, type SilenceLimits } from "./generate.js";
import { namedFiles } from "./named-files.js";
import { retryDelayMs } from "./retry-delay.js";
import { StepAssembler } from "./step-assembler.js";
import { planCalls, runCall } from "./tool-batch.js";
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
}

/**
 * Runs a chat's turns until the chat is idle, failed, handed over or lost.
 *
 * Every step reads the durable history and asks {@link decide}; every write names the lease and, for steps, the attempt, so that a
 * worker that was overtaken changes nothing. What became of the chat is in the database; this function returns nothing.
 *
 * @throws whatever the database throws that is not worth waiting for; the lease is then still held
 */
export async function runTurn(deps: TurnDeps, lease: Lease, control: TurnControl): Promise<void> {
  const turn = new Turn(deps, lease, control);
  await turn.run();
}

/** After a step: the chat as it is now, or undefined when it is not ours any more. */
type After = ChatState | undefined;

class Turn {
  readonly #deps: TurnDeps;
  readonly #chatId: string;
  readonly #fence: Fence;
  readonly #control: TurnControl;
  readonly #logger: Logger;
  #state: ChatState;
  #staleInARow = 0;

  constructor(deps: TurnDeps, lease: Lease, control: TurnControl) {
    this.#deps = deps;
    this.#chatId = lease.chatId;
    this.#fence = lease.fence;
    this.#state = lease.state;
    this.#control = control;
    this.#logger = deps.logger.child({ chat_id: lease.chatId, lease_epoch: lease.fence.leaseEpoch });
  }

  async run(): Promise<void> {
    for (;;) {
      const after = await this.#next();
      if (after === undefined) return;
      this.#state = after;
      const { status } = after.phase;
      if (status !== "running" && status !== "interrupting") return;
    }
  }

  async #next(): Promise<After> {
    const state = this.#state;
    const { cause } = this.#control;
    if (cause === "lost") return undefined;
    if (state.phase.status === "interrupting" || cause === "interrupt")
      return this.#finishInterrupt(state.checkpoint);
    if (cause === "shutdown") return this.#release();
    if (
      state.phase.status === "running" &&
      state.phase.retry !== undefined &&
      !(await this.#waitForRetry(state.phase.retry.due_at))
    ) {
      return state;
    }
    const history = await this.#untilDatabaseAnswers(() => this.#deps.readHistory(this.#chatId));
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

  async #waitForRetry(dueAt: string): Promise<boolean> {
    const { clock } = this.#deps;
    const waitMs = new Date(dueAt).getTime() - clock.now().getTime();
    if (waitMs <= 0) return true;
    const { signal } = this.#control;
    this.#control.waiting = true;
    const waited = await clock.sleep(waitMs, { signal }).then(
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
    if (begun === undefined || !isNextAttempt(state, begun)) return begun;
    this.#state = begun;
    const attempt = attemptOf(begun);
    const writer = this.#deps.deltaLog.open(this.#chatId, attempt);
    let after: After;
    try {
      after = await this.#generateStep(model, request, attempt, writer);
      return after;
    } finally {
      writer.close(outcomeOf(begun, after));
    }
  }

  async #generateStep(
    model: Model,
    request: ModelRequest,
    attempt: AttemptRef,
    writer: EpisodeWriter,
  ): Promise<After> {
    const { clock, silence, maxStepWeight } = this.#deps;
    const assembler = new StepAssembler();
    const startedMs = clock.monotonicMs();
    const now = (): string => clock.now().toISOString();
    const publish = (deltas: ReturnType<StepAssembler["push"]>): void => {
      for (const { block, part } of deltas) writer.append({ role: roleToProto("assistant"), block, part });
    };
    const { signal } = this.#control;
    let failure: ModelError | undefined;
    try {
      for await (const event of generate(model, request, silence, { signal, clock })) {
        publish(assembler.push(event, now()));
        if (writer.weight > maxStepWeight) throw tooMuch(model);
      }
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      failure = error;
    }
    const { cause } = this.#control;
    if (cause === undefined && failure !== undefined) return this.#failedAttempt(failure, attempt);
    publish(assembler.flush(now()));
    const usage: Usage = {
      ...assembler.finish?.usage,
      runtime_ms: Math.round(clock.monotonicMs() - startedMs),
    };
    const step: Partial = { role: "assistant", parts: assembler.parts(), model: model.id, usage };
    if (cause === "lost") return undefined;
    // A step that is complete is committed, whatever happens meanwhile: it must not be generated, and paid for, twice.
    if (assembler.finish !== undefined && cause !== "interrupt") {
      return this.#write({ type: "CommitStep", fence: this.#fence, attempt, messages: [step] }, step);
    }
    return cause === "interrupt" ? this.#finishInterrupt(step) : this.#handOver(attempt, step);
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
    if (!error.retryable || attempt.generationAttempt >= maxAttempts) return this.#fail(chatError);
    const delayMs = retryDelayMs(attempt.generationAttempt, error.retryAfterMs);
    const dueAt = new Date(this.#deps.clock.now().getTime() + delayMs).toISOString();
    const retry = { attempt: attempt.generationAttempt, delay_ms: delayMs, due_at: dueAt, error: chatError };
    return this.#write({ type: "RecordRetry", fence: this.#fence, attempt, retry });
  }

  async #runTools(calls: readonly OpenCall[]): Promise<After> {
    const { clock, tools, toolTimeoutMs, deltaLog } = this.#deps;
    const earlier = this.#state.checkpoint?.role === "tool" ? this.#state.checkpoint.parts : [];
    const before = this.#state;
    const begun = await this.#beginAttempt();
    if (begun === undefined || !isNextAttempt(before, begun)) return begun;
    this.#state = begun;
    const attempt = attemptOf(begun);
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

    const writer = deltaLog.open(this.#chatId, attempt);
    let after: After;
    try {
      const { signal } = this.#control;
      const done = new Map<string, ToolResultPart>();
      const answer = (index: number, result: ToolResultPart): void => {
        // What comes after the stop is not shown, so that all that was shown is committed.
        if (signal.aborted) return;
        done.set(result.tool_call_id, result);
        writer.append({ role: roleToProto("tool"), block: index + 1, part: partToProto(result) });
      };
      // One after the other, so that a checkpoint with fewer results never replaces one with more.
      let checkpoints = Promise.resolve();
      await Promise.all(
        plans.map(async (plan, index) => {
          if (plan.type === "answered") return answer(index, plan.result);
          answer(
            index,
            await runCall(plan, { signal, clock, timeoutMs: toolTimeoutMs, logger: this.#logger }),
          );
          if (done.size === plans.length) return;
          checkpoints = checkpoints.then(() => this.#checkpointResults(attempt, plans, done));
          await checkpoints;
        }),
      );
      after = await this.#finishTools(attempt, resultsInOrder(plans, done), plans.length);
      return after;
    } finally {
      writer.close(outcomeOf(begun, after));
    }
  }

  async #finishTools(
    attempt: AttemptRef,
    results: readonly ToolResultPart[],
    expected: number,
  ): Promise<After> {
    const step: Partial = { role: "tool", parts: results };
    const { cause } = this.#control;
    if (cause === "lost") return undefined;
    if (results.length === expected && cause !== "interrupt") {
      return this.#write({ type: "CommitStep", fence: this.#fence, attempt, messages: [step] }, step);
    }
    return cause === "interrupt" ? this.#finishInterrupt(step) : this.#handOver(attempt, step);
  }

  /** A result that is there is not lost when we die while others are still running. Best effort: the batch goes on without it. */
  async #checkpointResults(
    attempt: AttemptRef,
    plans: ReturnType<typeof planCalls>,
    done: ReadonlyMap<string, ToolResultPart>,
  ): Promise<void> {
    const partial: Partial = { role: "tool", parts: resultsInOrder(plans, done) };
    try {
      await this.#deps.chats.work(this.#chatId, { type: "Checkpoint", fence: this.#fence, attempt, partial });
    } catch (error) {
      this.#logger.warn({ err: error }, "a checkpoint could not be written");
    }
  }

  async #beginAttempt(): Promise<After> {
    const { versions, generationAttempt } = this.#state;
    return this.#write({
      type: "BeginAttempt",
      fence: this.#fence,
      attempt: { historyVersion: versions.history, generationAttempt },
    });
  }

  /** Shutdown: what was generated is kept for whoever looks until the next worker begins anew. */
  async #handOver(attempt: AttemptRef, partial: Partial): Promise<After> {
    if (partial.parts.length > 0) {
      const shown = this.#deps.deltaLog.current(this.#chatId)?.suffixAfter(0);
      const after = await this.#write({ type: "Checkpoint", fence: this.#fence, attempt, partial, shown });
      if (after === undefined) return undefined;
    }
    return this.#release();
  }

  async #release(): Promise<After> {
    await this.#write({ type: "Release", fence: this.#fence });
    return undefined;
  }

  async #finishInterrupt(partial: Partial | undefined): Promise<After> {
    const after = await this.#write({ type: "FinishInterrupt", fence: this.#fence, partial });
    if (after !== undefined) this.#control.interruptDone(after.versions.snapshot);
    return after;
  }

  async #fail(error: ChatError): Promise<After> {
    return this.#write({ type: "Fail", fence: this.#fence, attempt: attemptOf(this.#state), error });
  }

  /**
   * Writes a transition and says what the chat is afterwards. `step`: what to commit as partial if an interrupt came first.
   * While the database is away it is asked again until it answers or the chat is lost: a result is not thrown away for a restart of it.
   */
  async #write(input: WorkerInput, step?: Partial): Promise<After> {
    const outcome = await this.#untilDatabaseAnswers(() => this.#deps.chats.work(this.#chatId, input));
    if (!("refused" in outcome)) {
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
        const ours = state !== undefined && isOwnedBy(state, this.#fence);
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

function resultsInOrder(
  plans: ReturnType<typeof planCalls>,
  done: ReadonlyMap<string, ToolResultPart>,
): ToolResultPart[] {
  return plans.flatMap((plan) => done.get(plan.call.toolCallId) ?? []);
}

function isRetryable(error: unknown): boolean {
  return error instanceof Error && "retryable" in error && error.retryable === true;
}

function tooMuch({ provider }: Model): ModelError {
  return new ModelError(`The answer of ${provider} is larger than this server accepts in one step.`, {
    kind: "generic",
    provider,
    retryable: false,
  });
}
