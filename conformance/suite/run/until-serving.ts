import { Health, HealthCheckResponse_ServingStatus } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { openClient } from "../../surroundings/clients/open-client.js";
import { wires } from "../../surroundings/clients/wires.js";
import { pause } from "../time.js";

const intervalMs = 50;

/** Resolves when the standard health service says SERVING, over gRPC. Rejects when the signal aborts before. */
export async function untilServing(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    if (await isServing(url)) return;
    signal.throwIfAborted();
    await pause(intervalMs);
    signal.throwIfAborted();
  }
}

/** A client of its own for each look: one that has failed to connect waits before it tries again. */
async function isServing(url: string): Promise<boolean> {
  using client = openClient(wires[0], url);
  try {
    const { status } = await client.unary(Health.method.check, {}, { timeoutMs: 2_000 });
    return status === HealthCheckResponse_ServingStatus.SERVING;
  } catch {
    return false;
  }
}
