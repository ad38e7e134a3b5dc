import type { BenchRun } from "../run/bench-case.js";
import { type Palaver, startPalaver } from "./palaver.js";
import type { BenchScript } from "./scripts.js";

/** Two replicas of one service: all turns run in the first. */
export async function startPair(
  bench: BenchRun,
  options: { readonly scripts?: readonly BenchScript[]; readonly env?: Readonly<Record<string, string>> },
): Promise<AsyncDisposable & { readonly worker: Palaver; readonly remote: Palaver }> {
  const databaseUrl = await bench.createDatabase();
  const env = { ...options.env, NATS_URL: await bench.natsUrl() };
  const worker = await startPalaver({ ...options, bench, databaseUrl, env });
  try {
    const remote = await startPalaver({
      ...options,
      bench,
      databaseUrl,
      env: { ...env, PALAVER_CONCURRENT_TURNS: "0" },
    });
    return {
      worker,
      remote,
      [Symbol.asyncDispose]: async () => {
        await remote[Symbol.asyncDispose]();
        await worker[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await worker[Symbol.asyncDispose]();
    throw error;
  }
}
