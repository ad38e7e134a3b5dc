import { createClient } from "@connectrpc/connect";
import { type Config, formatListenAddress } from "../config/index.js";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../gen/grpc/health/v1/health_pb.js";
import { clientAccess } from "./client-options.js";
import type { CommandContext } from "./command.js";
import { connect } from "./connection.js";
import type { Finding } from "./doctor-finding.js";
import { reportOf } from "./report-error.js";

interface ServerOptions {
  readonly url?: string;
}

/** Whether a server answers. That none does matters only where somebody has said where it should be. */
export async function checkServer(
  context: CommandContext,
  options: ServerOptions,
  config: Config,
): Promise<Finding> {
  const check = "server";
  const { named, target } = serverToCheck(context, options, config);
  try {
    using connection = connect(clientAccess(context, { url: target }));
    const { status } = await createClient(Health, connection.transport).check({}, { timeoutMs: 5_000 });
    if (status === ServingStatus.SERVING) return { check, status: "ok", detail: `${target} is serving` };
    return {
      check,
      status: "note",
      detail: `${target} answers, and does not take calls: it is starting or stopping`,
    };
  } catch (error) {
    const { message, advice } = reportOf(error, target);
    return { check, status: named ? "failed" : "note", detail: message, advice };
  }
}

/** The server to talk to, and whether somebody named it. */
function serverToCheck(
  { env }: CommandContext,
  { url }: ServerOptions,
  config: Config,
): { named: boolean; target: string } {
  const given = url ?? env["PALAVER_URL"] ?? "";
  return given === ""
    ? { named: false, target: `http://${formatListenAddress(config.listen)}` }
    : { named: true, target: given };
}

/** Whether the server takes PALAVER_TOKEN. Undefined when there is none. */
export async function checkToken(
  context: CommandContext,
  options: ServerOptions,
  config: Config,
): Promise<Finding | undefined> {
  const check = "token";
  const { target } = serverToCheck(context, options, config);
  const access = clientAccess(context, { url: target });
  if (access.token === undefined) return undefined;
  try {
    using connection = connect(access);
    await connection.chats.listChats({ pageSize: 1 }, { timeoutMs: 5_000 });
    return { check, status: "ok", detail: `${target} takes PALAVER_TOKEN` };
  } catch (error) {
    const { message, reason, advice } = reportOf(error, target);
    return { check, status: "failed", detail: `PALAVER_TOKEN: ${message} [${reason}]`, advice };
  }
}
