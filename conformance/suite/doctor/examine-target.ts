import { randomBytes } from "node:crypto";
import { getChat, createChat } from "../../cases/kit/chats.js";
import type { TcpGate } from "../../surroundings/tcp-gate.js";
import type { Need } from "../cases/vocabulary.js";
import type { Manifest } from "../manifest/manifest.js";
import { offersOf } from "../plan/offers.js";
import { Resources } from "../run/resources.js";
import { seededRandom } from "../run/seeded-random.js";
import { openStage, type OpenStage } from "../run/stage.js";
import type { Target, TargetReplica } from "../run/target.js";
import { Timeline } from "../run/timeline.js";
import { endpointLooks } from "./endpoint-looks.js";
import { linkLook } from "./link-look.js";
import { type Finding, findingOf, type Look } from "./look.js";
import { processLook } from "./process-look.js";
import { busLook, StandingTurns, turnLook } from "./turn-looks.js";
import { importLook, secondUserLook } from "./user-looks.js";

const releaseLimitMs = 5_000;

/**
 * Looks at everything that the manifest says the target has, and tells each finding as it comes. What is cut on the way is mended, and what is
 * ended is started again. Ends early when a replica does not answer, or the signal aborts.
 *
 * @returns whether it has come to the end
 */
export async function examineTarget(
  target: Target,
  manifest: Manifest,
  { tell, signal }: { readonly tell: (finding: Finding) => void; readonly signal: AbortSignal },
): Promise<boolean> {
  const [wire] = manifest.claims.wires;
  if (wire === undefined) throw new Error("the manifest claims no wire");
  const resources = new Resources();
  const { stage } = openStage({
    target,
    wire,
    models: manifest.models,
    random: seededRandom(randomBytes(4).toString("hex")),
    timeline: new Timeline(),
    isAlone: true,
    use: (resource) => resources.use(resource),
  });
  const lookAt = async (looks: readonly Look[]): Promise<boolean> => {
    let ok = true;
    for (const look of looks) {
      if (signal.aborted) return false;
      const finding = await findingOf(look, signal);
      tell(finding);
      ok &&= finding.ok;
    }
    return ok;
  };
  try {
    if (!(await lookAt(endpointLooks(target, manifest, stage)))) return false;
    await lookAt(looksAtService(target, manifest, stage));
    await lookAtLinks(target, manifest, stage, lookAt);
    if (offersOf(manifest).processes.isThere)
      await lookAt(target.replicas.map((replica) => processLook(manifest, replica)));
    return !signal.aborted;
  } finally {
    await resources.release(releaseLimitMs);
    await target.restore();
  }
}

function looksAtService(target: Target, manifest: Manifest, stage: OpenStage["stage"]): Look[] {
  const looks: Partial<Record<Need, () => Look>> = {
    second_user: () => secondUserLook(manifest, stage),
    model: () => turnLook(manifest, stage, target, "openai"),
    anthropic: () => turnLook(manifest, stage, target, "anthropic"),
    vectors: () => importLook(manifest, stage),
    bus: () => busLook(manifest, stage, target),
  };
  const offers = offersOf(manifest);
  return Object.entries(looks).flatMap(([need, look]) => (offers[need as Need].isThere ? [look()] : []));
}

/** Relays first: their links are used only while turns go on. */
async function lookAtLinks(
  target: Target,
  manifest: Manifest,
  stage: OpenStage["stage"],
  lookAt: (looks: readonly Look[]) => Promise<boolean>,
): Promise<void> {
  const offers = offersOf(manifest);
  if (!offers.links.isThere) return;
  const { response, lease } = manifest.bounds;
  if (offers.model.isThere && offers.replicas.isThere) {
    const turns = new StandingTurns(stage, target);
    await lookAt(
      target.replicas.map((replica) =>
        linkLook({
          name: "relay",
          replica: replica.name,
          gate: gateOf(replica, "relay"),
          limitMs: Math.max(response, lease),
          use: (signal) => turns.runBy(replica.name, signal),
        }),
      ),
    );
    turns.end();
  }
  await lookAt(
    target.replicas.flatMap((replica) =>
      (["bus", "store"] as const).map((name) =>
        linkLook({
          name,
          replica: replica.name,
          gate: gateOf(replica, name),
          limitMs: Math.max(response, lease),
          use: async () => {
            const { id } = await createChat(stage, { replica });
            await getChat(stage, id, { replica });
          },
        }),
      ),
    ),
  );
}

function gateOf({ links, name: replica }: TargetReplica, name: "store" | "bus" | "relay"): TcpGate {
  const gate = links?.[name];
  if (gate === undefined) throw new Error(`${replica} has no gates`);
  return gate;
}
