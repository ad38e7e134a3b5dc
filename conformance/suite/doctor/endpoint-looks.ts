import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { Health, HealthCheckResponse_ServingStatus } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { wires } from "../../surroundings/clients/wires.js";
import type { Manifest } from "../manifest/manifest.js";
import type { OpenStage } from "../run/stage.js";
import type { Target } from "../run/target.js";
import type { Look } from "./look.js";

/** Each replica says that it serves, and answers a user in each way that is claimed. */
export function endpointLooks(
  { replicas }: Pick<Target, "replicas">,
  { claims, bounds }: Pick<Manifest, "claims" | "bounds">,
  { client }: OpenStage["stage"],
): Look[] {
  const hasHttp1 = claims.features.includes("http1");
  const ways = wires.filter(
    ({ claim, httpVersion }) => claims.wires.includes(claim) && (httpVersion === "2" || hasHttp1),
  );
  return replicas.flatMap((replica) => [
    {
      about: `${replica.name} health`,
      limitMs: bounds.response,
      advice: `serve grpc.health.v1.Health at ${replica.url}, and say SERVING for the empty service`,
      look: async () => {
        const { status } = await client({ replica, account: "nobody" }).unary(Health.method.check, {});
        if (status !== HealthCheckResponse_ServingStatus.SERVING)
          throw new Error(`it says ${HealthCheckResponse_ServingStatus[status]}`);
        return `SERVING at ${replica.url}`;
      },
    },
    ...ways.map(({ name, claim, httpVersion }) => ({
      about: `${replica.name} ${name}`,
      limitMs: bounds.response,
      advice: `serve ChatService over ${claim} and HTTP/${httpVersion} to the user alice, or do not claim that`,
      look: async () => {
        await client({ replica, wire: name }).unary(ChatService.method.listChats, {});
        return "answers ListChats";
      },
    })),
  ]);
}
