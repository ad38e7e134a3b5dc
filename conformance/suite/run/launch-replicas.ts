import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClusterReplica, type ReplicaAddresses, startCluster } from "../../surroundings/cluster.js";
import type { Program } from "../../surroundings/program.js";
import type { ScriptedModel } from "../../surroundings/scripted-model/scripted-model.js";
import type { Manifest } from "../manifest/manifest.js";
import { fillTemplate, type Placeholder } from "../manifest/template.js";
import { after } from "../time.js";
import { fromEnvironment } from "./environment.js";
import { untilServing } from "./until-serving.js";
import type { Target, TargetReplica } from "./target.js";

type Launch = NonNullable<Manifest["launch"]>;

/** How long a replica may take until it serves. */
const readyLimitMs = 60_000;

/** Starts the replicas of a manifest at once, each with gates on its links. Rejects with what one said, if it does not get ready. */
export async function launchReplicas(
  launch: Launch,
  model: ScriptedModel | undefined,
): Promise<Pick<Target, "replicas" | "restore"> & AsyncDisposable> {
  const urls = {
    store: launch.store && fromEnvironment(launch.store.url_env, "the URL of the store"),
    bus: launch.bus && fromEnvironment(launch.bus.url_env, "the URL of the bus"),
  };
  const folder = await mkdtemp(join(tmpdir(), "conformance-"));
  const cluster = await startCluster({
    replicas: launch.replicas,
    storeUrl: urls.store,
    busUrl: urls.bus,
    program: (addresses) => {
      const name = nameOf(addresses);
      const values: Readonly<Record<Placeholder, string>> = {
        listen: addresses.listen,
        replica: name,
        model: model?.baseUrl(name) ?? "",
        store: urls.store ?? "",
        bus: urls.bus ?? "",
        data: join(folder, name),
        relay_listen: addresses.relayListen,
        "link.store": addresses.storeUrl,
        "link.bus": addresses.busUrl,
        "link.relay": addresses.relayUrl,
      };
      return {
        command: launch.command.map((word) => fillTemplate(word, values)),
        env: {
          HOME: folder,
          ...Object.fromEntries(
            Object.entries(launch.env).map(([key, value]) => [key, fillTemplate(value, values)]),
          ),
        },
      };
    },
    ready: async (program, addresses) => {
      program.ignoreOutput();
      const url = `http://${addresses.listen}`;
      await servesOrEnds(program, url, nameOf(addresses));
      return { url };
    },
  });
  return {
    replicas: cluster.replicas.map((replica) => replicaOf(replica)),
    restore: async () => {
      for (const { links } of cluster.replicas)
        for (const link of [links.store, links.bus, links.relay]) link.mend();
      for (const replica of cluster.replicas) if (replica.isStopped) replica.continue();
      await Promise.all(
        cluster.replicas.filter(({ isRunning }) => !isRunning).map((replica) => replica.restart()),
      );
    },
    [Symbol.asyncDispose]: async () => {
      await cluster[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function nameOf({ index }: Pick<ReplicaAddresses, "index">): string {
  return `r${index + 1}`;
}

function replicaOf(replica: ClusterReplica): TargetReplica {
  return { name: nameOf(replica), url: replica.url, links: replica.links, process: replica };
}

async function servesOrEnds(program: Program, url: string, name: string): Promise<void> {
  const over = new AbortController();
  using _limit = after(readyLimitMs, () => over.abort());
  const how = await Promise.race([
    untilServing(url, over.signal).then(
      () => undefined,
      () => `did not serve within ${readyLimitMs} ms`,
    ),
    program.ended.then(() => "ended before it served"),
  ]);
  over.abort();
  if (how === undefined) return;
  await program.kill();
  throw new Error(`${name} ${how}: ${program.stderr.trim() === "" ? "it said nothing" : program.stderr}`);
}
