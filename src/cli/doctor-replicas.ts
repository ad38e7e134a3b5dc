import type { Config } from "../config/index.js";
import type { Clock } from "../platform/index.js";
import { listReplicas } from "../store/index.js";
import { checkClocks, checkVersions } from "./doctor-directory.js";
import type { Finding } from "./doctor-finding.js";
import { checkLinks } from "./doctor-links.js";
import { checkTurns } from "./doctor-turns.js";
import { openDatabase } from "./open-database.js";
import { isAlive } from "./replica-rows.js";
import { reportOf } from "./report-error.js";

const check = "replicas";

/**
 * Whether the replicas on this database are one service. The database is up to date. Nothing for the embedded one: nobody else can be
 * alive while it is open here.
 */
export async function checkReplicas(config: Config, clock: Clock): Promise<Finding[]> {
  if (config.database.kind === "pglite") return [];
  try {
    await using database = await openDatabase(config);
    const replicas = await listReplicas(database);
    const living = replicas.filter((replica) => isAlive(replica, config.leaseMs));
    const findings = [
      checkDirectory(living.length, replicas.length - living.length, config),
      ...(living.length === 0 ? [] : [checkVersions(living), checkClocks(living)]),
      ...(config.bus.kind === "nats" ? await checkLinks(living, config, { database, clock }) : []),
      await checkTurns(database, living, { ...config, clock }),
    ];
    return findings.filter((finding) => finding !== undefined);
  } catch (error) {
    const { message, advice } = reportOf(error);
    return [{ check, status: "failed", detail: message, advice }];
  }
}

function checkDirectory(living: number, dead: number, { bus }: Config): Finding {
  const detail = dead === 0 ? `${living} alive` : `${living} alive, ${dead} dead`;
  if (living === 0) return { check, status: "note", detail, advice: "Start one: npx palaver serve" };
  if (living === 1 || bus.kind === "nats") return { check, status: "ok", detail };
  const advice =
    "Without NATS_URL on each of them they tell each other nothing, and see changes when they poll.";
  return { check, status: "note", detail: `${detail}; NATS_URL is not set here`, advice };
}
