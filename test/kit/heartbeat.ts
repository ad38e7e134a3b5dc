import { systemClock } from "../../src/platform/index.js";
import { type Queryable, writeHeartbeat } from "../../src/store/index.js";

/** Lets a replica that does not run be alive for a lease. */
export async function beatFor(db: Queryable, id: string): Promise<void> {
  const about = { advertisedUrl: "", version: "test", capacity: 1, turns: 0 };
  await writeHeartbeat(db, { id, ...about, clockAt: systemClock.now() });
}
