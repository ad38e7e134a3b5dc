import type { ReadableMetrics } from "../../src/platform/index.js";
import type { NatsServer } from "./nats-server.js";
import type { ProviderServer } from "./provider-server/index.js";
import { startTestReplica, type TestReplica } from "./replica.js";

/** Two replicas in this process, on one Postgres database and one NATS. */
export interface ReplicaPair extends AsyncDisposable {
  readonly worker: TestReplica;
  /** Runs no turns. */
  readonly other: TestReplica;
}

export interface ReplicaPairOptions {
  readonly nats: NatsServer;
  readonly providers: ProviderServer;
  /** For both. */
  readonly env?: Readonly<Record<string, string>>;
  readonly worker?: Readonly<Record<string, string>>;
  readonly other?: Readonly<Record<string, string>>;
  /** Where the other one counts. */
  readonly otherMetrics?: ReadableMetrics;
}

/** Polls are 10 minutes apart, so that nothing but the bus can have told. */
export async function startPair({ nats, providers, ...options }: ReplicaPairOptions): Promise<ReplicaPair> {
  const shared = { PALAVER_POLL: "10m", NATS_URL: nats.url, ...options.env };
  const worker = await startTestReplica({ providers, env: { ...shared, ...options.worker } });
  const { otherMetrics: metrics } = options;
  const other = await startTestReplica({
    providers,
    ...(metrics && { metrics }),
    env: {
      ...shared,
      DATABASE_URL: worker.env["DATABASE_URL"] ?? "",
      PALAVER_CONCURRENT_TURNS: "0",
      ...options.other,
    },
  });
  return {
    worker,
    other,
    [Symbol.asyncDispose]: async () => {
      await other[Symbol.asyncDispose]();
      await worker[Symbol.asyncDispose]();
    },
  };
}
