import { median } from "../../run/statistics.js";
import type { Plan } from "./plan.js";
import type { Means } from "./serve-readers.js";
import type { OpenReaders, Stream, Target } from "./target.js";
import { openTap } from "./tap.js";

export interface Delivery {
  readonly perSecond: number;
  readonly cpuUsPerDelivery: number;
  /** Cores that were busy. */
  readonly cpuServer: number;
  readonly cpuClient: number;
}

interface Audience {
  readonly plan: Plan;
  readonly count: number;
  readonly means?: Means;
}

/** From the beginning to the last delta at the last reader. */
export async function deliver(target: Target, audience: Audience): Promise<Delivery> {
  const { plan, count } = audience;
  return await withReaders(target, audience, async (readers, stream) => {
    const [serverUs, clientUs] = await Promise.all([target.cpuUs(), target.readers.cpuUs()]);
    // Waited for beforehand: when the last has it is told by the readers.
    const [endedUs, beganUs] = await Promise.all([readers.reach(plan.deltas), stream.go()]);
    const [serverAfterUs, clientAfterUs] = await Promise.all([target.cpuUs(), target.readers.cpuUs()]);
    await checkDelivered(readers, audience);
    const elapsedUs = endedUs - beganUs;
    const deliveries = plan.deltas * count;
    return {
      perSecond: (deliveries * 1_000_000) / elapsedUs,
      cpuUsPerDelivery: (serverAfterUs - serverUs) / deliveries,
      cpuServer: (serverAfterUs - serverUs) / elapsedUs,
      cpuClient: (clientAfterUs - clientUs) / elapsedUs,
    };
  });
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** From the moment at which a delta is made to that at which each reader has it. */
export async function latency(target: Target, audience: Audience): Promise<Latency> {
  return await withReaders(target, audience, async (readers, stream) => {
    await stream.go();
    await readers.reach(audience.plan.deltas);
    const { p50Us, p99Us } = await checkDelivered(readers, audience);
    return { p50Ms: p50Us / 1_000, p99Ms: p99Us / 1_000 };
  });
}

/** How long a reader that was cut in the middle takes until it has everything, on a new connection; p50. */
export async function resume(target: Target, plan: Plan, times: number): Promise<number> {
  return await withReaders(target, { plan, count: 1 }, async (readers, stream) => {
    await stream.go();
    await readers.reach(plan.deltas);
    const place = await readers.place(plan.deltas / 2);
    const ms: number[] = [];
    for (let time = 0; time < times; time++) ms.push(await readers.resume(place));
    return median(ms);
  });
}

/** All that comes over a reader's connection in the midst of a plan, for each delta. */
export async function bytesPerDelta(target: Target, plan: Plan): Promise<number> {
  await using tap = await openTap(target.url);
  return await withReaders({ ...target, url: tap.url }, { plan, count: 1 }, async (readers, stream) => {
    const sample = async (deltas: number): Promise<{ deltas: number; bytes: number }> => {
      await readers.reach(deltas);
      return { ...(await readers.tally()), bytes: tap.bytes() };
    };
    await stream.go();
    const first = await sample(plan.deltas * 0.1);
    const last = await sample(plan.deltas * 0.9);
    await readers.reach(plan.deltas);
    return (last.bytes - first.bytes) / (last.deltas - first.deltas);
  });
}

async function withReaders<T>(
  target: Target,
  { plan, count, means = "own" }: Audience,
  measure: (readers: OpenReaders, stream: Stream) => Promise<T>,
): Promise<T> {
  const stream = await target.prepare(plan);
  const { url } = target;
  const readers = await target.readers.open({ url, address: stream.address, plan, means, count });
  try {
    return await measure(readers, stream);
  } finally {
    await readers.close();
    await stream.end();
  }
}

/** What a reader finds wrong in the text it says itself; here it is about the number of deltas. */
async function checkDelivered(
  readers: OpenReaders,
  { plan, count }: Audience,
): Promise<{ readonly p50Us: number; readonly p99Us: number }> {
  const tally = await readers.tally();
  if (tally.deltas === plan.deltas * count) return tally;
  throw new Error(`${tally.deltas} of ${plan.deltas * count} deltas were delivered`);
}
