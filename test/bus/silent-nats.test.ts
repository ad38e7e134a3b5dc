import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { startServerProcess } from "../kit/palaver-process.js";
import { createTestDatabase } from "../kit/postgres.js";
import { newChat } from "../kit/replica.js";
import { Watch } from "../kit/watch.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";

it("a NATS that takes connections and says nothing keeps no server from working, nor from ending", async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket.on("error", () => undefined))).listen(
    0,
    "127.0.0.1",
  );
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  await using database = await createTestDatabase();
  await using server = await startServerProcess({
    DATABASE_URL: database.url,
    NATS_URL: `nats://127.0.0.1:${port}`,
    PALAVER_POLL: "10m",
  });
  expect(sockets.length).toBeGreaterThan(0);
  const chatId = await newChat(server.client, "scripted/default", "hello");
  await using watch = new Watch(server.client, { chatId });
  await watch.until("the answer", () => (watch.messages().length === 2 ? true : undefined));
  await watch.status(ChatStatus.WAITING);
  expect(await server.kill("SIGTERM")).toBe(0);
  for (const socket of sockets) socket.destroy();
  silent.close();
});
