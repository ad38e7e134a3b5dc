import { Health } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { openClient } from "../../surroundings/clients/open-client.js";
import { wires } from "../../surroundings/clients/wires.js";
import type { Manifest } from "../manifest/manifest.js";
import type { TargetReplica } from "../run/target.js";
import type { Look } from "./look.js";

/** How long a replica may take to end, and until it serves again. */
const restartLimitMs = 75_000;

/** The process of a replica can be ended, and started again at the same place. */
export function processLook({ bounds }: Pick<Manifest, "bounds">, replica: TargetReplica): Look {
  const { name, process } = replica;
  return {
    about: `${name} process`,
    need: "processes",
    limitMs: restartLimitMs,
    advice:
      "let launch.command start the replica itself, so that it ends with its process, and serves again at {listen}",
    look: async () => {
      if (process === undefined) throw new Error("the suite has not started it");
      const { url } = replica;
      await process.kill();
      if (await answers(url, bounds.response))
        throw new Error(`somebody answers at ${url} though its process is gone`);
      await process.restart();
      if (!(await answers(replica.url, bounds.response)))
        throw new Error(`nobody answers at ${replica.url} after a new start`);
      return "was killed, and serves again after a new start";
    },
  };
}

/** Asked by a client of its own: one that has failed to connect waits before it tries again. */
async function answers(url: string, timeoutMs: number): Promise<boolean> {
  using client = openClient(wires[0], url);
  // Not returned as a promise: the client is disposed when this function is left.
  return await client.unary(Health.method.check, {}, { timeoutMs }).then(
    () => true,
    () => false,
  );
}
