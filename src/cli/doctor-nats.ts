import { probeNats } from "../bus/index.js";
import type { Config } from "../config/index.js";
import type { Finding } from "./doctor-finding.js";
import { reportOf } from "./report-error.js";

/** Whether NATS can be used as configured. Undefined without NATS. */
export async function checkNats({ bus, database }: Config): Promise<Finding | undefined> {
  if (bus.kind === "local") return undefined;
  const check = "NATS";
  const where = bus.servers.join(", ");
  try {
    const { version: natsVersion, jetStream } = await probeNats(bus);
    if (!jetStream) {
      const detail = `${where}: JetStream is not enabled, or this user may not use it`;
      return {
        check,
        status: "failed",
        detail,
        advice: "Start nats-server with -js, and allow what docs/architecture.md names.",
      };
    }
    const detail = `${where}, version ${natsVersion}, with JetStream`;
    if (database.kind === "postgres") return { check, status: "ok", detail };
    const advice = "It is for several replicas, and the embedded database serves one: set DATABASE_URL.";
    return { check, status: "note", detail, advice };
  } catch (error) {
    const { message, reason, advice } = reportOf(error);
    return { check, status: "failed", detail: `${message} [${reason}]`, advice };
  }
}
