import type { Measurement } from "../run/rounds.js";
import { hashText, stepText } from "./delta-text.js";
import type { Child } from "./child.js";
import type { StepShape } from "./scripts.js";
import type { Group, GroupTally, Subscribers } from "./subscribers.js";

export interface FanOut {
  /** Who says it, and is measured. */
  readonly server: Child;
  readonly subscribers: Subscribers;
  readonly group: Group;
  /** How many there are. */
  readonly count: number;
  readonly shape: StepShape;
  /** Begins the step. */
  readonly begin: () => Promise<void>;
}

/** What the middle of a step cost. */
export interface Window {
  readonly cpuUsPerDelivery: number;
  readonly cpuServer: number;
  readonly cpuClient: number;
  readonly deltasPerResponse: number;
  readonly wireBytesPerDelivery: number;
}

/**
 * Has a step said to all subscribers, and measures its middle: what a turn costs at its beginning and at its end is no fan-out.
 *
 * @throws when one of them did not get every delta once, in order, with its text
 */
export async function measureStep(fanOut: FanOut): Promise<Window> {
  const { server, subscribers, group, count, shape, begin } = fanOut;
  const sample = async (seq: number): Promise<Sample> => {
    await group.reach(seq);
    const [tally, used, client] = await Promise.all([group.tally(), server.usage(), subscribers.usage()]);
    return { atMs: performance.now(), tally, serverUs: used.cpuUs, clientUs: client.cpuUs };
  };
  await group.expect();
  const idle = await sample(0);
  const saying = begin();
  const early = await sample(Math.max(1, Math.floor(shape.deltas * 0.1)));
  const last = await sample(Math.ceil(shape.deltas * 0.9));
  await group.reach(shape.deltas);
  await saying;
  checkDelivered(await group.tally(), { count, text: stepText(shape.deltas, shape.deltaBytes), shape });

  // On a machine that is so busy that all came at once there is no middle: then the turn counts too.
  const first = early.tally.deltas < last.tally.deltas ? early : idle;
  const deliveries = last.tally.deltas - first.tally.deltas;
  const elapsedUs = (last.atMs - first.atMs) * 1_000;
  return {
    cpuUsPerDelivery: (last.serverUs - first.serverUs) / deliveries,
    cpuServer: (last.serverUs - first.serverUs) / elapsedUs,
    cpuClient: (last.clientUs - first.clientUs) / elapsedUs,
    deltasPerResponse: deliveries / (last.tally.responses - first.tally.responses),
    wireBytesPerDelivery: (last.tally.wireBytes - first.tally.wireBytes) / deliveries,
  };
}

interface Sample {
  readonly atMs: number;
  readonly tally: GroupTally;
  readonly serverUs: number;
  readonly clientUs: number;
}

export function perDelivery({ cpuUsPerDelivery, cpuServer, cpuClient }: Window): Measurement {
  return { value: cpuUsPerDelivery, cpuServer, cpuClient };
}

/** Delivered is published × subscribers, and every text is the one that was said; without `text`: the same for all. */
export function checkDelivered(
  tally: GroupTally,
  { count, shape, text }: { count: number; shape: Pick<StepShape, "deltas" | "deltaBytes">; text?: string },
): void {
  const { deltas, faults, hashes, textBytes } = tally;
  const published = shape.deltas * count;
  const [hash] = hashes;
  const isSame = hashes.length === 1 && textBytes.length === 1;
  const isWhole = textBytes[0] === shape.deltas * shape.deltaBytes;
  const isRight = text === undefined || hash === hashText(text);
  if (faults.length === 0 && deltas === published && isSame && isWhole && isRight) return;
  throw new Error(
    `lost, doubled or changed: ${deltas} of ${published} deltas, ${hashes.length} texts of ${textBytes.join(", ")} bytes, ` +
      `${isRight ? "the right" : "a wrong"} text; ${faults.slice(0, 3).join("; ")}`,
  );
}
