import { type BusObserver, observeBus } from "../../surroundings/bus/bus-observer.js";
import { type ScriptedModel, startScriptedModel } from "../../surroundings/scripted-model/scripted-model.js";
import type { Account, Manifest } from "../manifest/manifest.js";
import { nowMs } from "../time.js";
import { fromEnvironment } from "./environment.js";
import { launchReplicas } from "./launch-replicas.js";
import { Observers } from "./observers.js";
import { requireListener } from "./require-listener.js";
import type { OpenTarget, Target, TargetReplica } from "./target.js";

/** Reaches a target that somebody else has started, or starts one, with all that cases need around it. */
export const openTarget: OpenTarget = async (manifest) => {
  const opened: AsyncDisposable[] = [];
  const use = <T extends AsyncDisposable>(resource: T): T => {
    opened.push(resource);
    return resource;
  };
  const dispose = async (): Promise<void> => {
    for (let last = opened.pop(); last !== undefined; last = opened.pop()) await last[Symbol.asyncDispose]();
  };
  try {
    return { ...(await openParts(manifest, use)), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
};

async function openParts(
  manifest: Manifest,
  use: <T extends AsyncDisposable>(resource: T) => T,
): Promise<Omit<Target, typeof Symbol.asyncDispose>> {
  const tokens = tokensOf(manifest);
  const observers = new Observers();
  const model = await openModel(manifest, observers);
  if (model !== undefined) use(model);
  const bus = await openBus(manifest, observers);
  if (bus !== undefined) use(bus);
  const shared = {
    model,
    bus,
    tokenOf: (account: Account) => tokens.get(account),
    observe: observers.add.bind(observers),
  };
  const { attach, launch } = manifest;
  await Promise.all((attach?.urls ?? []).map(requireListener));
  if (launch === undefined)
    return { ...shared, replicas: attachedReplicas(attach?.urls ?? []), restore: async () => undefined };
  const { replicas, restore } = use(await launchReplicas(launch, model));
  return { ...shared, replicas, restore };
}

function attachedReplicas(urls: readonly string[]): TargetReplica[] {
  return urls.map((url, index) => ({ name: `r${index + 1}`, url }));
}

/** Where the target expects its model; a target that is started is told where that is. */
async function openModel(
  { attach, launch }: Manifest,
  observers: Observers,
): Promise<ScriptedModel | undefined> {
  if (launch === undefined && attach?.model === undefined) return undefined;
  const address = attach?.model?.match(/^(.*):(\d+)$/);
  const listen = address?.[1] === undefined ? undefined : { host: address[1], port: Number(address[2]) };
  return startScriptedModel({ listen, now: nowMs, onEvent: observers.model });
}

async function openBus({ attach, launch }: Manifest, observers: Observers): Promise<BusObserver | undefined> {
  const named = launch?.bus ?? attach?.bus;
  if (named === undefined) return undefined;
  const servers = fromEnvironment(named.url_env, "the URL of the bus");
  return observeBus({ servers, now: nowMs, onMessage: observers.bus });
}

/** @throws when a variable that the manifest names is not set */
function tokensOf({ auth }: Manifest): Map<Account, string> {
  const tokens = new Map<Account, string>();
  for (const [account, from] of Object.entries(auth))
    if (from !== undefined)
      tokens.set(account as Account, fromEnvironment(from.token_env, `the token of ${account}`));
  return tokens;
}
