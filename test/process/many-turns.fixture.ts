/**
 * A replica that runs many turns, each in a chat of its own with a subscriber, and prints its heap after some of them, as JSON lines:
 * `{ turns, heapBytes }`. Started with --expose-gc. Arguments: after how many turns to look, ascending.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { loadConfig } from "../../src/config/index.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { silentLogger, systemClock } from "../../src/platform/index.js";
import { startReplica } from "../../src/replica.js";

const atOnce = 16;
const config = loadConfig();
const replica = await startReplica(config, { logger: silentLogger });

async function turn(client: Client<typeof ChatService>): Promise<void> {
  const { chat } = await client.createChat({
    parts: [{ kind: { case: "text", value: { text: "Say something." } } }],
  });
  const leave = new AbortController();
  for await (const { events } of client.subscribe({ chatId: chat?.id ?? "" }, { signal: leave.signal })) {
    if (events.some(({ event }) => event.case === "status" && event.value.status === ChatStatus.WAITING))
      break;
  }
  leave.abort();
}

let begun = 0;
for (const turns of process.argv.slice(2).map(Number)) {
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      // A connection each: a server closes one that resets too many streams.
      const client = createClient(ChatService, createGrpcTransport({ baseUrl: replica.url }));
      while (begun < turns) {
        begun += 1;
        await turn(client);
      }
    }),
  );
  // What is held for a grace period is meant to be held.
  await systemClock.sleep(config.resumeGraceMs * 2);
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc?.();
    await systemClock.sleep(10);
  }
  process.stdout.write(`${JSON.stringify({ turns, heapBytes: process.memoryUsage().heapUsed })}\n`);
}
await replica.stop();
