import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChatState, maxAttempts, maxQueueLength, type NewMessage } from "./chat-state.js";
import { createChatState } from "./create-chat-state.js";
import {
  allMoves,
  assistantCalls,
  assistantText,
  attemptOf,
  fenceOf,
  inputFor,
  model,
  type Move,
  newChat,
  ownerDies,
  ownerRevives,
  toolResult,
  userMessage,
  workerMoves,
} from "./machine.fixture.js";
import { transition } from "./transition.js";
import type { TransitionInput } from "./transition-input.js";
import type { Refused, Transitioned } from "./transition-result.js";
import {
  classify,
  type StateClass,
  stateClasses,
  transitionName,
  transitionTable,
} from "./transition-table.js";

type Step = TransitionInput | Move | ((chat: ChatState) => TransitionInput);

/** Carries out steps that must all be accepted; returns the chat and everything that entered the history. */
function walk(chat: ChatState, ...steps: Step[]): { chat: ChatState; inserted: NewMessage[] } {
  const inserted: NewMessage[] = [];
  for (const step of steps) {
    const next = attempt(chat, step);
    if (!next.ok) throw new Error(`refused: ${next.refusal}`);
    if (next.chat === undefined) throw new Error("deleted");
    chat = next.chat;
    inserted.push(...next.inserted);
  }
  return { chat, inserted };
}

function attempt(chat: ChatState, step: Step): Transitioned | Refused {
  if (typeof step === "string") return transition(chat, inputFor(step, chat));
  return transition(chat, typeof step === "function" ? step(chat) : step);
}

function refusal(chat: ChatState, step: Step): string | undefined {
  const next = attempt(chat, step);
  return next.ok ? undefined : next.refusal;
}

const running = walk(newChat(), "acquire", "begin").chat;
const idle = walk(running, "commitText", "finish").chat;
const failed = walk(running, "fail").chat;

describe("sending", () => {
  it("starts a turn when the chat is idle", () => {
    const { chat, inserted } = walk(idle, "sendQueue");
    expect(classify(chat)).toBe("U0");
    expect(inserted.map((message) => message.role)).toEqual(["user"]);
    expect(chat.versions.history).toBe(chat.versions.snapshot);
  });

  it("queues while a turn runs, and leaves the history alone", () => {
    const { chat, inserted } = walk(running, "sendQueue");
    expect(classify(chat)).toBe("R1");
    expect(inserted).toEqual([]);
    expect(chat.versions.history).toBe(running.versions.history);
    expect(chat.versions.queue).toBe(chat.versions.snapshot);
    expect(chat.generationAttempt).toBe(running.generationAttempt);
  });

  it("refuses one more than the queue holds", () => {
    const full = walk(running, ...Array.from({ length: maxQueueLength }, () => "sendQueue" as const)).chat;
    expect(refusal(full, "sendQueue")).toBe("QUEUE_FULL");
    expect(full.queue).toHaveLength(maxQueueLength);
  });

  it("refuses what would make the queue too large to be told in one event", () => {
    const large = (): TransitionInput => ({
      type: "Send",
      message: userMessage("x".repeat(900_000)),
      whenBusy: "queue",
    });
    const two = walk(running, large(), large()).chat;
    expect(refusal(two, large())).toBe("QUEUE_FULL");
  });

  it("refuses a busy chat for clients that queue by themselves", () => {
    expect(refusal(running, "sendReject")).toBe("CHAT_BUSY");
    expect(classify(walk(idle, "sendReject").chat)).toBe("U0");
  });

  it("takes the head of a held queue into history when the chat had failed", () => {
    const held = walk(running, "sendQueue", "fail").chat;
    expect(classify(held)).toBe("E1");
    const { chat, inserted } = walk(held, { type: "Send", message: userMessage("later"), whenBusy: "queue" });
    expect(inserted.map((message) => message.parts)).toEqual([userMessage("more").parts]);
    expect(chat.queue.map((item) => item.parts)).toEqual([userMessage("later").parts]);
    expect(chat.phase).toEqual({ status: "running", owner: undefined, retry: undefined });
  });

  it("commits the checkpoint first when nobody owns the turn that it interrupts", () => {
    const orphan = ownerDies(walk(running, "checkpoint").chat);
    const { chat, inserted } = walk(orphan, "sendInterrupt");
    expect(inserted.map(({ role, interrupted }) => ({ role, interrupted }))).toEqual([
      { role: "assistant", interrupted: true },
      { role: "user", interrupted: false },
    ]);
    expect(classify(chat)).toBe("U0");
    expect(fenceOf(chat).workerId).toBe("nobody");
  });
});

describe("interrupting", () => {
  it("asks the owner, and its partial precedes the message that caused it (INT-4)", () => {
    const asked = walk(running, "sendInterrupt").chat;
    expect(classify(asked)).toBe("I1");
    const { chat, inserted } = walk(asked, "finishInterrupt");
    expect(inserted.map((message) => [message.role, message.interrupted])).toEqual([
      ["assistant", true],
      ["user", false],
    ]);
    expect(classify(chat)).toBe("R0");
  });

  it("gives one partial when asked twice (INT-5)", () => {
    const once = walk(running, "interrupt").chat;
    const twice = attempt(once, "interrupt");
    expect(twice).toMatchObject({ ok: true, notify: false });
    expect(twice.ok && twice.chat).toBe(once);
    expect(walk(once, "finishInterrupt").inserted).toHaveLength(1);
  });

  it("closes open calls with results, in call order", () => {
    const withCalls = walk(running, "commitCalls", "begin", "interrupt").chat;
    const first = withCalls.openCalls[0]?.toolCallId ?? "";
    const { inserted, chat } = walk(withCalls, (now) => ({
      type: "FinishInterrupt",
      fence: fenceOf(now),
      partial: { role: "tool", parts: [toolResult(first)] },
    }));
    expect(inserted).toHaveLength(1);
    expect(inserted[0]?.parts).toMatchObject([
      { tool_call_id: first, result_json: '"done"' },
      { tool_call_id: withCalls.openCalls[1]?.toolCallId, is_error: true },
    ]);
    expect(chat.openCalls).toEqual([]);
    expect(classify(chat)).toBe("W");
  });

  it("closes a call of the provider inside the assistant message", () => {
    const { inserted } = walk(running, "interrupt", (now) => ({
      type: "FinishInterrupt",
      fence: fenceOf(now),
      partial: {
        role: "assistant",
        parts: [
          { type: "tool-call", tool_call_id: "s1", tool_name: "web_search", provider_executed: true },
          { type: "text", text: "after" },
        ],
      },
    }));
    expect(inserted).toHaveLength(1);
    expect(inserted[0]?.parts.map((part) => part.type)).toEqual(["tool-call", "tool-result", "text"]);
    expect(inserted[0]?.parts[1]).toMatchObject({
      tool_call_id: "s1",
      provider_executed: true,
      is_error: true,
    });
  });

  it("leaves no message when nothing was generated (INT-6)", () => {
    expect(walk(running, "interrupt", "finishInterruptEmpty").inserted).toEqual([]);
    expect(refusal(idle, "interrupt")).toBe("NOT_RUNNING");
  });

  it("tells a worker that commits too late to finish the interrupt instead (INT-5)", () => {
    const asked = walk(running, "interrupt").chat;
    expect(refusal(asked, "commitText")).toBe("INTERRUPT_REQUESTED");
    expect(refusal(asked, "finish")).toBe("INTERRUPT_REQUESTED");
  });

  it("takes effect when nobody owns the chat (OWN-7)", () => {
    const { chat, inserted } = walk(ownerDies(walk(running, "checkpoint").chat), "interrupt");
    expect(classify(chat)).toBe("W");
    expect(inserted.map((message) => message.interrupted)).toEqual([true]);
  });
});

describe("editing", () => {
  it("hides from the edited message on, empties the queue and takes the chat from its worker", () => {
    const busy = walk(running, "sendQueue").chat;
    const next = attempt(busy, "edit");
    expect(next).toMatchObject({ ok: true, hiddenFrom: 1 });
    const { chat } = walk(busy, "edit");
    expect(classify(chat)).toBe("U0");
    expect(chat.versions.reset).toBe(chat.versions.snapshot);
    expect(chat.lastMessageId).toBe(busy.lastMessageId + 1);
    expect(refusal(chat, () => inputFor("commitText", busy))).toBe("STALE");
  });

  it("is for user messages that exist", () => {
    expect(refusal(idle, "editAssistant")).toBe("NOT_A_USER_MESSAGE");
    expect(refusal(idle, "editUnknown")).toBe("MESSAGE_NOT_FOUND");
  });
});

describe("the queue", () => {
  const busy = walk(
    running,
    { type: "Send", message: userMessage("one"), whenBusy: "queue" },
    { type: "Send", message: userMessage("two"), whenBusy: "queue" },
    { type: "Send", message: userMessage("three"), whenBusy: "queue" },
  ).chat;
  const texts = (chat: ChatState): unknown[] =>
    chat.queue.map((item) => (item.parts[0]?.type === "text" ? item.parts[0].text : ""));

  it("runs one turn each, in order, without letting go of the chat (CHAT-5)", () => {
    const { chat, inserted } = walk(
      busy,
      "commitText",
      "finish",
      "begin",
      "commitText",
      "finish",
      "begin",
      "commitText",
      "finish",
    );
    expect(inserted.map((message) => message.role)).toEqual([
      "assistant",
      "user",
      "assistant",
      "user",
      "assistant",
      "user",
    ]);
    expect(classify(chat)).toBe("R0");
  });

  it("brings a promoted message to the front and interrupts the turn", () => {
    const { chat } = walk(busy, "promoteLast");
    expect(classify(chat)).toBe("I1");
    expect(texts(chat)).toEqual(["three", "one", "two"]);
  });

  it("forgets a deleted message, and a second delete finds nothing", () => {
    const first = busy.queue[0]?.id ?? 0;
    const { chat } = walk(busy, { type: "DeleteQueued", queueId: first });
    expect(texts(chat)).toEqual(["two", "three"]);
    expect(refusal(chat, { type: "DeleteQueued", queueId: first })).toBe("QUEUED_MESSAGE_NOT_FOUND");
  });

  it("keeps author and model of what it promotes", () => {
    const queued = walk(running, {
      type: "Send",
      message: { parts: [{ type: "text", text: "q" }], author: "bob", model: "openai/other" },
      whenBusy: "queue",
    }).chat;
    const { chat, inserted } = walk(queued, "commitText", "finish");
    expect(inserted.at(-1)).toMatchObject({ role: "user", author: "bob", model: "openai/other" });
    expect(chat.model).toBe("openai/other");
    expect(chat.versions.metadata).toBe(chat.versions.snapshot);
  });
});

describe("workers", () => {
  it("do not take a chat from one that lives, and fence off one that died (OWN-4)", () => {
    expect(refusal(running, "acquireOther")).toBe("NOT_ACQUIRABLE");
    const taken = walk(ownerDies(running), "acquireOther").chat;
    expect(taken.leaseEpoch).toBe(running.leaseEpoch + 1);
    expect(refusal(taken, () => inputFor("commitText", running))).toBe("STALE");
  });

  it("may commit although their own heartbeat is late, as long as nobody took over", () => {
    expect(walk(ownerDies(running), "commitText").inserted).toHaveLength(1);
  });

  it("give up a step after 25 attempts (RETRY-4)", () => {
    let chat = running;
    while (chat.generationAttempt < maxAttempts) chat = walk(chat, "begin").chat;
    expect(refusal(chat, "begin")).toBe("ATTEMPTS_EXHAUSTED");
    expect(classify(walk(chat, "fail").chat)).toBe("E0");
  });

  it("get back what they own and do not run, under a new lease", () => {
    const again = walk(running, "acquire").chat;
    expect(again.leaseEpoch).toBe(running.leaseEpoch + 1);
    expect(refusal(again, () => inputFor("commitText", running))).toBe("STALE");
  });

  it("keep the results of tools that were written down, and nothing else, when an attempt begins anew", () => {
    expect(walk(running, "checkpoint", "begin").chat.checkpoint).toBeUndefined();
    const batch = walk(running, "commitCalls", "begin", "checkpoint").chat;
    expect(walk(batch, "release", "acquire", "begin").chat.checkpoint).toEqual(batch.checkpoint);
    expect(walk(batch, "commitResults").chat.checkpoint).toBeUndefined();
  });

  it("commit nothing of another attempt", () => {
    const later = walk(running, "begin").chat;
    expect(
      refusal(later, { ...inputFor("commitText", running), fence: fenceOf(later) } as TransitionInput),
    ).toBe("STALE");
  });

  it("start the attempts of the next step at one (CHAT-4)", () => {
    const next = walk(running, "begin", "begin", "commitCalls").chat;
    expect(next.generationAttempt).toBe(0);
    expect(next.openCalls).toHaveLength(2);
  });

  it("cannot end a turn that has open calls", () => {
    expect(refusal(walk(running, "commitCalls").chat, "finish")).toBe("INVALID_TRANSITION");
    expect(refusal(running, "requireAction")).toBe("INVALID_TRANSITION");
  });

  it("announce neither checkpoints nor started calls", () => {
    for (const move of ["checkpoint", "startCalls"] as const) {
      const next = attempt(running, move);
      expect(next).toMatchObject({ ok: true, notify: false });
      expect(next.ok && next.chat?.versions).toEqual(running.versions);
    }
  });
});

describe("client-run tools", () => {
  const waiting = walk(running, "commitCalls", "requireAction").chat;

  it("take exactly the open calls, each once", () => {
    expect(refusal(waiting, "submitPart")).toBe("TOOL_RESULTS_MISMATCH");
    const [first, second] = waiting.openCalls.map((call) => toolResult(call.toolCallId));
    if (first === undefined || second === undefined) throw new Error("two calls are open");
    expect(refusal(waiting, { type: "SubmitToolResults", results: [first, first] })).toBe(
      "TOOL_RESULTS_MISMATCH",
    );
    const { chat, inserted } = walk(waiting, { type: "SubmitToolResults", results: [second, first] });
    expect(inserted[0]?.parts).toEqual([first, second]);
    expect(classify(chat)).toBe("U0");
    expect(refusal(chat, { type: "SubmitToolResults", results: [first, second] })).toBe("INVALID_TRANSITION");
  });

  it("are closed when the deadline passes, and the turn goes on", () => {
    const { chat, inserted } = walk(waiting, "expire");
    expect(classify(chat)).toBe("U0");
    expect(inserted[0]?.parts.every((part) => part.type === "tool-result" && part.is_error === true)).toBe(
      true,
    );
  });
});

describe("metadata", () => {
  it("changes no history", () => {
    const { chat } = walk(running, "rename");
    expect(chat.versions).toEqual({
      ...running.versions,
      snapshot: running.versions.snapshot + 1,
      metadata: chat.versions.snapshot,
    });
  });

  it("archives idle chats only, and gives the former state back", () => {
    expect(refusal(running, "archive")).toBe("CHAT_BUSY");
    expect(refusal(walk(failed, "archive").chat, "sendQueue")).toBe("CHAT_ARCHIVED");
    expect(classify(walk(failed, "archive", "unarchive").chat)).toBe("E0");
  });

  it("deletes idle chats only", () => {
    expect(attempt(idle, { type: "Delete" })).toMatchObject({ ok: true, chat: undefined });
    expect(refusal(running, { type: "Delete" })).toBe("CHAT_BUSY");
  });
});

/** What must hold of every chat that the machine ever returns. */
function checkInvariants(chat: ChatState): void {
  const { phase, versions, queue } = chat;
  if (phase.status === "waiting") expect(queue).toEqual([]);
  if (phase.status === "waiting" || phase.status === "error") expect(chat.openCalls).toEqual([]);
  if (phase.status === "requires_action") expect(chat.openCalls.length).toBeGreaterThan(0);
  if (chat.archived) expect(["waiting", "error"]).toContain(phase.status);
  expect(queue.length).toBeLessThanOrEqual(maxQueueLength);
  expect(new Set(queue.map((item) => item.id)).size).toBe(queue.length);
  expect(queue.map((item) => item.position)).toEqual(
    queue.map((item) => item.position).sort((a, b) => a - b),
  );
  for (const version of Object.values(versions)) expect(version).toBeLessThanOrEqual(versions.snapshot);
  if (chat.checkpoint !== undefined) expect(["running", "interrupting"]).toContain(phase.status);
}

function checkStep(before: ChatState, step: Transitioned): void {
  const { chat: after, inserted } = step;
  if (after === undefined) return;
  checkInvariants(after);
  expect(after.versions.snapshot - before.versions.snapshot).toBe(step.notify ? 1 : 0);
  for (const aspect of ["history", "queue", "retry", "metadata", "reset"] as const) {
    expect(after.versions[aspect]).toBeGreaterThanOrEqual(before.versions[aspect]);
  }
  expect(after.leaseEpoch).toBeGreaterThanOrEqual(before.leaseEpoch);
  expect(inserted.map((message) => message.id)).toEqual(
    inserted.map((_, index) => before.lastMessageId + index + 1),
  );
  expect(inserted.length > 0 || step.hiddenFrom !== undefined).toBe(
    after.versions.history > before.versions.history,
  );
  if (after.versions.history > before.versions.history) expect(after.generationAttempt).toBe(0);
}

/** The history as the model would see it: every call is answered before anybody speaks again. */
function checkWellFormed(history: readonly NewMessage[]): void {
  let open: string[] = [];
  for (const message of history) {
    if (message.role !== "tool") expect(open).toEqual([]);
    for (const part of message.parts) {
      if (part.type === "tool-call" && part.provider_executed !== true) open.push(part.tool_call_id);
      if (part.type === "tool-result" && part.provider_executed !== true)
        open = open.filter((id) => id !== part.tool_call_id);
    }
  }
}

describe("every sequence of inputs", () => {
  const steps = fc.array(
    fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...allMoves) }, fc.constant("die" as const)),
    {
      maxLength: 60,
    },
  );

  it("keeps the invariants, and a refused input changes nothing", () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        let chat = newChat();
        let history: NewMessage[] = [...createChatState(model, [], userMessage("hello")).inserted];
        for (const move of sequence) {
          if (move === "die") {
            chat = ownerDies(chat);
            continue;
          }
          const frozen = structuredClone(chat);
          const step = transition(chat, inputFor(move, chat));
          expect(chat).toEqual(frozen);
          if (!step.ok || step.chat === undefined) continue;
          checkStep(chat, step);
          const { hiddenFrom } = step;
          if (hiddenFrom !== undefined) history = history.filter((message) => message.id < hiddenFrom);
          history.push(...step.inserted);
          checkWellFormed(history);
          chat = step.chat;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("obeys the table, cell by cell", () => {
    const seen = new Map<string, ChatState>();
    explore(6, (chat) => seen.set(`${classify(chat)}/${chat.openCalls.length}`, chat));
    for (const chat of seen.values()) {
      for (const move of allMoves) {
        const input = inputFor(move, chat);
        const next = transition(chat, input);
        // A worker's write proves that it lives.
        const cell =
          transitionTable[transitionName(input)][classify("fence" in input ? ownerRevives(chat) : chat)];
        if (cell.startsWith("!")) expect(next.ok, `${classify(chat)} ${move}`).toBe(false);
        else if (next.ok && next.chat !== undefined) expect(cell.split(" ")).toContain(classify(next.chat));
      }
    }
    expect(new Set([...seen.values()].map((chat) => classify(chat)))).toEqual(
      new Set(Object.keys(stateClasses)),
    );
  });

  it("reaches legal states only, and from each of them workers alone reach an idle state: nothing is stuck", () => {
    const reached: ChatState[] = [];
    explore(6, (chat) => {
      checkInvariants(chat);
      reached.push(chat);
    });
    expect(reached.length).toBeGreaterThan(100);
    const escapes = new Map<string, boolean>();
    for (const chat of reached) expect(canBecomeIdle(chat, escapes), abstraction(chat)).toBe(true);
  });
});

/** Visits every state that up to `depth` inputs lead to from a new chat, once per kind of state. */
function explore(depth: number, visit: (chat: ChatState) => void): void {
  const start = [newChat(), createChatState(model, [], undefined).after];
  const seen = new Set(start.map(abstraction));
  let frontier = start;
  start.forEach(visit);
  for (let length = 1; length <= depth; length += 1) {
    const next: ChatState[] = [];
    for (const chat of frontier) {
      const dead = ownerDies(chat);
      const successors = dead === chat ? [] : [dead];
      for (const move of allMoves) {
        const step = transition(chat, inputFor(move, chat));
        if (step.ok && step.chat !== undefined) successors.push(step.chat);
      }
      for (const successor of successors) {
        const key = abstraction(successor);
        if (seen.has(key)) continue;
        seen.add(key);
        visit(successor);
        next.push(successor);
      }
    }
    frontier = next;
  }
}

/** What distinguishes states as far as transitions go: ids and versions left out. */
function abstraction(chat: ChatState): string {
  const { phase } = chat;
  const owner = phase.status === "running" || phase.status === "interrupting" ? phase.owner : undefined;
  const retry = phase.status === "running" && phase.retry !== undefined;
  return JSON.stringify([
    classify(chat),
    owner?.workerId,
    owner?.alive,
    retry,
    Math.min(chat.queue.length, 2),
    Math.min(chat.openCalls.length, 3),
    chat.openCalls.some((call) => call.startedAt !== undefined),
    chat.checkpoint?.role,
    Math.min(chat.generationAttempt, 2),
    chat.compactionRequested,
  ]);
}

function canBecomeIdle(start: ChatState, known: Map<string, boolean>): boolean {
  const idleClasses: readonly StateClass[] = ["W", "E0", "E1", "XW", "XE0", "XE1"];
  const seen = new Set<string>();
  let frontier = [start];
  while (frontier.length > 0) {
    const next: ChatState[] = [];
    for (const chat of frontier) {
      const key = abstraction(chat);
      if (seen.has(key)) continue;
      seen.add(key);
      if (idleClasses.includes(classify(chat)) || known.get(key) === true) {
        known.set(abstraction(start), true);
        return true;
      }
      for (const move of workerMoves) {
        const step = transition(chat, inputFor(move, chat));
        if (step.ok && step.chat !== undefined) next.push(step.chat);
      }
      next.push(ownerDies(chat));
    }
    frontier = next;
  }
  return false;
}

describe("fixtures", () => {
  it("say what they mean", () => {
    expect(assistantText("x").parts).toEqual([{ type: "text", text: "x" }]);
    expect(assistantCalls("a").parts).toHaveLength(1);
    expect(attemptOf(running)).toEqual({ historyVersion: 1, generationAttempt: 1 });
  });
});
