import { startPacedModel } from "../../kit/paced-model.js";
import type { BenchCase, BenchRun } from "../../run/bench-case.js";
import type { Bar } from "../../run/result.js";
import { type Measurement, type Round, runOf, takeTurns } from "../../run/rounds.js";
import { ensurePackages } from "../install.js";
import { startPalaverTarget } from "../palaver/target.js";
import { bytesPerDelta, type Delivery, deliver, latency, resume } from "./measure.js";
import type { Plan } from "./plan.js";
import type { Means } from "./serve-readers.js";
import type { Target } from "./target.js";

export interface Peer {
  readonly id: string;
  readonly title: string;
  /** @throws Unavailable where it cannot be had */
  readonly start: (bench: BenchRun) => Promise<Target>;
  /** How many deltas are said as fast as they are taken, by the number of readers: about as many as take it a second or two. */
  readonly deltas: Readonly<Record<Size, number>>;
  /** Deliveries per second, by those of the peer, with 100 readers. */
  readonly bar?: number;
  /** False: it has no way to go on with what was cut. */
  readonly resumes?: false;
}

type Size = (typeof sizes)[number];

const sizes = [1, 10, 100] as const;
const deltaBytes = 120;
const palaverDeltas: Readonly<Record<Size, number>> = { 1: 20_000, 10: 10_000, 100: 4_000 };

/** Palaver and one peer in turn: the same deltas to as many readers, each with its own client. */
export function comparePeer(peer: Peer): BenchCase {
  return { id: peer.id, title: peer.title, run: (bench) => compare(bench, peer) };
}

async function compare(bench: BenchRun, peer: Peer): Promise<void> {
  ensurePackages();
  const flood = (deltas: Peer["deltas"], count: Size): Plan => ({
    deltas: Math.max(20, Math.round(deltas[count] * bench.pick(1, 0.1))),
    deltaBytes,
    intervalMs: 0,
  });
  await using model = await startPacedModel();
  const paced: Plan = { deltas: bench.pick(80, 20), deltaBytes, intervalMs: 50, model: model.url };
  const held: Plan = { deltas: 1_000, deltaBytes, intervalMs: 1, stays: true };
  const short: Plan = { deltas: bench.pick(600, 200), deltaBytes: 4, intervalMs: 3 };

  await using theirs = await peer.start(bench);
  const plans = [...sizes.map((count) => flood(palaverDeltas, count)), held, short];
  await using ours = await startPalaverTarget(bench, { model, plans });
  const both = <T>(measure: (target: Target) => Promise<T>): Promise<Round<T>[]> =>
    takeTurns(bench.rounds, { ours: () => measure(ours), floor: () => measure(theirs) });
  const report = <T>(name: string, unit: string, rounds: readonly Round<T>[], told: Told<T>): void => {
    const { value, bar } = told;
    const runs = rounds.map((round) => runOf(eachSide(round, value)));
    bench.report({ id: "P12", case: `${peer.id}: ${name}`, unit, runs, ...(bar !== undefined && { bar }) });
  };

  for (const count of sizes) {
    // The reader that costs next to nothing where there are many: they share one core.
    for (const means of count === 100 ? (["own", "raw"] as const) : (["own"] as const)) {
      const rounds = await both((target) =>
        deliver(target, { plan: flood(target === ours ? palaverDeltas : peer.deltas, count), count, means }),
      );
      const name = `S=${count}${rawness(means)}`;
      const isJudged = count === 100 && peer.bar !== undefined;
      report(`delivered, ${name}`, "deltas/s", rounds, {
        value: (delivery) => measured(delivery, delivery.perSecond),
        bar: isJudged ? atLeast(peer.bar) : undefined,
      });
      report(`server CPU, ${name}`, "µs CPU/delivery", rounds, {
        value: (delivery) => measured(delivery, delivery.cpuUsPerDelivery),
      });
    }
  }

  for (const means of ["own", "raw"] as const) {
    const rounds = await both((target) => latency(target, { plan: paced, count: 100, means }));
    const name = `latency, S=100 × 20/s${rawness(means)}`;
    report(`${name}, p50`, "ms", rounds, { value: ({ p50Ms }) => ({ value: p50Ms }) });
    report(`${name}, p99`, "ms", rounds, { value: ({ p99Ms }) => ({ value: p99Ms }), bar: atMost(0.5) });
  }

  if (peer.resumes !== false) {
    const times = bench.pick(50, 10);
    const resumes = await both((target) => resume(target, held, times));
    report("resume in the middle of 1,000 deltas, p50", "ms", resumes, {
      value: (ms) => ({ value: ms }),
      bar: atMost(1),
    });
  }

  const bytes = await both((target) => bytesPerDelta(target, short));
  report("on the wire, 4-character deltas", "bytes/delta", bytes, {
    value: (each) => ({ value: each }),
    bar: atMost(1),
  });
}

function rawness(means: Means): string {
  return means === "raw" ? ", raw readers" : "";
}

interface Told<T> {
  readonly value: (side: T) => Measurement;
  readonly bar?: Bar | undefined;
}

function eachSide<T>({ ours, floor }: Round<T>, value: (side: T) => Measurement): Round<Measurement> {
  return { ours: value(ours), floor: floor === undefined ? undefined : value(floor) };
}

function measured({ cpuServer, cpuClient }: Delivery, value: number): Measurement {
  return { value, cpuServer, cpuClient };
}

function atLeast(goal: number): Bar {
  return { of: "ratio", is: "at least", goal };
}

function atMost(goal: number): Bar {
  return { of: "ratio", is: "at most", goal };
}
