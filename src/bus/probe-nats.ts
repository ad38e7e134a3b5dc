import { type NatsServers, openNatsConnection } from "./nats-connection.js";
import { hasJetStream } from "./notify-stream.js";

/**
 * Connects once, looks, and leaves.
 *
 * @throws BusError when there is no connection to be had
 */
export async function probeNats(servers: NatsServers): Promise<{ version: string; jetStream: boolean }> {
  const connection = await openNatsConnection(servers);
  try {
    return { version: connection.info?.version ?? "unknown", jetStream: await hasJetStream(connection) };
  } finally {
    await connection.close();
  }
}
