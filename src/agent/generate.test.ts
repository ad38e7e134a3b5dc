import { describe, expect, it } from "vitest";
import { type Model, ModelError, type ModelEvent } from "../models/index.js";
import { ManualClock } from "../platform/index.js";
import { generate } from "./generate.js";

const limits = { firstEventMs: 60_000, idleMs: 600_000 };
const finish: ModelEvent = { type: "finish", reason: "stop", usage: {} };
const text = (delta: string): ModelEvent => ({ type: "text", block: "0", delta });

/** A model that does what the test says. */
function modelOf(stream: Model["stream"]): Model {
  return { provider: "test", id: "test/m", stream };
}

/** Never settles by itself; how it reacts to the abort is the test's choice. */
function hang(
  signal: AbortSignal,
  onAbort: (settle: { resolve: () => void; reject: (reason: unknown) => void }) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => onAbort({ resolve, reject }));
  });
}

interface Seen {
  readonly events: ModelEvent[];
  readonly error: unknown;
}

async function collect(
  model: Model,
  options: { signal?: AbortSignal; clock?: ManualClock; onEvent?: () => void } = {},
): Promise<Seen> {
  const { signal = new AbortController().signal, clock = new ManualClock(), onEvent } = options;
  const events: ModelEvent[] = [];
  try {
    for await (const event of generate(model, { history: [], tools: [], files: new Map() }, limits, {
      signal,
      clock,
    })) {
      events.push(event);
      onEvent?.();
    }
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

describe("a model call", () => {
  it("passes on what the model says", async () => {
    const seen = await collect(
      modelOf(async function* () {
        yield text("a");
        yield text("b");
        yield finish;
      }),
    );
    expect(seen).toEqual({ events: [text("a"), text("b"), finish], error: undefined });
  });

  it("that ends before its terminal event has failed (RETRY-9)", async () => {
    const { events, error } = await collect(
      modelOf(async function* () {
        yield text("a");
      }),
    );
    expect(events).toEqual([text("a")]);
    expect(error).toMatchObject({ kind: "timeout", retryable: true });
  });

  it("hides what a provider's package throws behind one class of error", async () => {
    const cause = new TypeError("boom");
    const failing = modelOf(async function* () {
      throw cause;
    });
    const { error } = await collect(failing);
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ kind: "generic", retryable: false, cause });
  });
});

describe("after an abort", () => {
  const waysToReport = {
    "an abort error": ({ reject }) => reject(new DOMException("This operation was aborted", "AbortError")),
    "the reason thrown back": ({ reject }) => reject("interrupted"),
    "a silent end": ({ resolve }) => resolve(),
    "nothing at all": () => undefined,
  } satisfies Record<string, (settle: { resolve: () => void; reject: (reason: unknown) => void }) => void>;

  it.each(Object.entries(waysToReport))(
    "the call ends promptly and without an error, reported by %s",
    async (_name, onAbort) => {
      const abort = new AbortController();
      const model = modelOf(async function* (_request, { signal }) {
        yield text("so far");
        await hang(signal, onAbort);
        yield text("too late");
      });
      const seen = await collect(model, { signal: abort.signal, onEvent: () => abort.abort() });
      expect(seen).toEqual({ events: [text("so far")], error: undefined });
    },
  );

  it("that came first, the model is not called", async () => {
    const model = modelOf(() => {
      throw new Error("called");
    });
    expect(await collect(model, { signal: AbortSignal.abort() })).toEqual({ events: [], error: undefined });
  });
});

describe("a silent provider", () => {
  const silent = (first: readonly ModelEvent[]): Model =>
    modelOf(async function* (_request, { signal }) {
      yield* first;
      await hang(signal, ({ reject }) => reject(new Error("aborted")));
    });

  it("counts as a timeout when the first event does not come (RETRY-8)", async () => {
    const clock = new ManualClock();
    const seen = collect(silent([]), { clock });
    clock.advance(limits.firstEventMs);
    expect((await seen).error).toMatchObject({ kind: "timeout", retryable: true, provider: "test" });
  });

  it("has longer once it has begun", async () => {
    const clock = new ManualClock();
    const begun = later();
    const seen = collect(silent([text("a")]), { clock, onEvent: begun.resolve });
    await begun.promise;
    await settled();
    clock.advance(limits.firstEventMs);
    expect(clock.pending).toBe(1);
    clock.advance(limits.idleMs);
    expect((await seen).error).toMatchObject({ kind: "timeout", retryable: true });
  });
});

function later(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Lets everything run that is ready to: no step of a model call takes more turns of the microtask queue than this. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}
