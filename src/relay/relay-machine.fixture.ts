import type { RelayInput, RelayOutput, RelayOwner, RelayState, RelayTarget } from "./relay-machine.js";
import { startRelay, stepRelay } from "./relay-machine.js";

export const first: RelayTarget = { workerId: "w1", url: "http://one" };
export const second: RelayTarget = { workerId: "w2", url: "http://two" };

/** Where a dial is: not answered yet, answered and usable, or over. `unwanted`: the machine has given it up. */
export type DialState = "pending" | "unwanted" | "open" | "over";

/** What surrounds the machine: which of its requests are still to be answered. Throws when an output breaks a promise. */
export interface Surroundings {
  readonly state: RelayState;
  readonly dials: ReadonlyMap<number, { readonly is: DialState; readonly target: RelayTarget }>;
  readonly reads: readonly number[];
  readonly timers: readonly number[];
  /** Whether the last input was forwarded. */
  readonly forwarded: boolean;
}

export function beginning(): Surroundings {
  const { state, outputs } = startRelay();
  const none = { state, dials: new Map(), reads: [], timers: [], forwarded: false };
  return afterOutputs(none, state, outputs);
}

/** One input, with what is checked after every one of them. */
export function next(before: Surroundings, input: RelayInput): Surroundings {
  const { state, outputs } = stepRelay(before.state, input);
  const after = afterOutputs(answered(before, input), state, outputs);
  checkForward(before, input, after.forwarded);
  checkDials(after, input);
  checkNotStuck(after);
  return after;
}

/** The request that an input answers is not outstanding any more. */
function answered(world: Surroundings, input: RelayInput): Surroundings {
  const dials = new Map(world.dials);
  const over = (dialId: number): void => {
    const dial = dials.get(dialId);
    if (dial !== undefined) dials.set(dialId, { ...dial, is: "over" });
  };
  switch (input.type) {
    case "owner":
    case "ownerUnknown":
      return { ...world, reads: world.reads.filter((id) => id !== input.readId) };
    case "dialed": {
      const dial = dials.get(input.dialId);
      if (dial !== undefined) dials.set(input.dialId, { ...dial, is: "open" });
      return { ...world, dials };
    }
    case "dialFailed":
    case "ended":
      over(input.dialId);
      return { ...world, dials };
    case "timer":
      return { ...world, timers: world.timers.filter((id) => id !== input.timerId) };
    default:
      return world;
  }
}

function afterOutputs(world: Surroundings, state: RelayState, outputs: readonly RelayOutput[]): Surroundings {
  const dials = new Map(world.dials);
  const reads = [...world.reads];
  const timers = [...world.timers];
  let forwarded = false;
  for (const output of outputs) {
    switch (output.type) {
      case "readOwner":
        if (reads.length > 0) throw new Error("two reads at once");
        reads.push(output.readId);
        break;
      case "dial":
        if (dials.has(output.dialId)) throw new Error("a dial id was used twice");
        dials.set(output.dialId, { is: "pending", target: output.target });
        break;
      case "cancelDial":
        move(dials, output.dialId, "pending", "unwanted");
        break;
      case "close":
        move(dials, output.dialId, "open", "over");
        break;
      case "armTimer":
        timers.push(output.timerId);
        break;
      case "forward":
        forwarded = true;
        break;
      default:
    }
  }
  if (state.phase === "stopped" && outputs.some(({ type }) => type === "dial" || type === "armTimer"))
    throw new Error("something was begun after the stop");
  return { state, dials, reads, timers, forwarded };
}

/** Each dial is released exactly once. */
function move(
  dials: Map<number, { is: DialState; target: RelayTarget }>,
  dialId: number,
  from: DialState,
  to: DialState,
): void {
  const dial = dials.get(dialId);
  if (dial?.is !== from) throw new Error(`dial ${dialId} is ${dial?.is ?? "unknown"}, not ${from}`);
  dials.set(dialId, { ...dial, is: to });
}

/** A stale answer never contributes (RELAY-3). */
function checkForward(before: Surroundings, input: RelayInput, forwarded: boolean): void {
  const expected = input.type === "received" && currentDial(before.state) === input.dialId;
  if (forwarded !== expected) throw new Error("what was received was forwarded wrongly");
}

/** Which stream is the present one. */
export function currentDial(state: RelayState): number | undefined {
  return state.phase === "connected" || state.phase === "closing" ? state.dialId : undefined;
}

/** Whatever is pending or open is either the present dial, or given up. */
function checkDials({ state, dials }: Surroundings, input: RelayInput): void {
  for (const [dialId, { is, target }] of dials) {
    const mine = "dialId" in state && state.dialId === dialId;
    if ((is === "pending" || is === "open") !== mine)
      throw new Error(`after ${input.type}, dial ${dialId} is ${is}, and the state is ${state.phase}`);
    if (mine && "target" in state && state.target !== target) throw new Error("a dial of another target");
    if (mine && is === "pending" && state.phase !== "dialling") throw new Error("a dial counts as accepted");
  }
  if ("dialId" in state && !dials.has(state.dialId)) throw new Error("a dial that was never made");
}

/** Something is outstanding that moves every state on which should not last. */
function checkNotStuck({ state, reads, timers }: Surroundings): void {
  if (state.reading !== undefined && !reads.includes(state.reading.readId))
    throw new Error("waits for a read that nobody makes");
  if (state.phase === "waiting" && state.timerId === undefined && state.reading === undefined)
    throw new Error("a dial is due, and nothing makes it");
  if ((state.phase === "waiting" || state.phase === "closing") && state.timerId !== undefined) {
    if (!timers.includes(state.timerId)) throw new Error("waits for a timer that is not armed");
  }
}

const owners: readonly RelayOwner[] = [
  { type: "nobody" },
  { type: "here" },
  { type: "there", target: first },
  { type: "there", target: second },
];

/**
 * All that may come next: notifications, answers to what is outstanding and to what was given up, and a few that answer nothing. A shell may
 * have armed one timer after another, of which the older ones never fire; here all of them may.
 */
export function possibleInputs({ state, dials, reads, timers }: Surroundings): RelayInput[] {
  const inputs: RelayInput[] = [{ type: "stop" }];
  for (const hint of [undefined, { workerId: undefined }, { workerId: "w1" }, { workerId: "w2" }])
    inputs.push({ type: "notified", hint });
  for (const readId of reads) {
    for (const owner of owners) inputs.push({ type: "owner", readId, owner });
    inputs.push({ type: "ownerUnknown", readId });
  }
  inputs.push({ type: "owner", readId: 0, owner: { type: "there", target: second } });
  for (const [dialId, { is }] of dials) {
    if (is === "pending" || is === "unwanted") {
      inputs.push({ type: "dialed", dialId });
      for (const refused of [false, true]) inputs.push({ type: "dialFailed", dialId, refused });
    }
    // What was closed may have been sent before that, and its end is told as well.
    if (is === "open" || (is === "over" && dialId >= state.lastId - 3)) {
      for (const kind of ["opened", "deltas", "closed"] as const)
        inputs.push({ type: "received", dialId, kind });
      for (const refused of [false, true]) inputs.push({ type: "ended", dialId, refused });
    }
  }
  for (const timerId of timers) inputs.push({ type: "timer", timerId });
  return inputs;
}
