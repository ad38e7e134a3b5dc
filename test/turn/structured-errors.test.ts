import { create, equals } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/index.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { type ChatError, ChatErrorKind, ChatErrorSchema } from "../../src/gen/palaver/chat/v1/error_pb.js";
import { silentLogger } from "../../src/platform/index.js";
import { startReplica } from "../../src/replica.js";
import { engines } from "../kit/databases.js";
import { httpError, startProviderServer } from "../kit/provider-server/index.js";
import { newChat, startTestReplica } from "../kit/replica.js";
import { Watch } from "../kit/watch.js";

describe.each(engines)("the error of a failed turn on %s", (engine) => {
  it("is the same live, after a reload, for a new subscriber, and after a restart (ERR-2)", {
    timeout: 60_000,
  }, async () => {
    await using server = await startProviderServer();
    await using replica = await startTestReplica({ engine, providers: server });
    const script = await server.script([
      httpError(429, "You exceeded your current quota, please check your plan and billing details."),
    ]);
    const chatId = await newChat(replica.client, `anthropic/${script.model}`);
    const watch = replica.watch(chatId);
    await watch.event("caughtUp");
    await replica.client.sendMessage({
      chatId,
      parts: [{ kind: { case: "text", value: { text: "hi" } } }],
    });
    await watch.status(ChatStatus.ERROR);
    const live = (await watch.event("error")).error;
    expect(live).toMatchObject({
      kind: ChatErrorKind.USAGE_LIMIT,
      provider: "anthropic",
      retryable: false,
      statusCode: 429,
      detail: "You exceeded your current quota, please check your plan and billing details.",
    });
    expect(live?.message).toMatch(/^(?!.*429).*Anthropic/);

    const shown = async (client: typeof replica.client): Promise<(ChatError | undefined)[]> => {
      await using again = new Watch(client, { chatId });
      await again.event("caughtUp");
      const { chat } = await client.getChat({ chatId });
      return [chat?.error, again.all("error")[0]?.error];
    };
    expectAll(await shown(replica.client), live);

    await replica.stop();
    const restarted = await startReplica(loadConfig(replica.env), { logger: silentLogger });
    try {
      const client = createClient(ChatService, createGrpcTransport({ baseUrl: restarted.url }));
      expectAll(await shown(client), live);
    } finally {
      await restarted.stop({ graceMs: 0 });
    }
  });
});

function expectAll(errors: readonly (ChatError | undefined)[], live: ChatError | undefined): void {
  const none = create(ChatErrorSchema);
  for (const error of errors)
    expect(equals(ChatErrorSchema, error ?? none, live ?? none), String(error?.message)).toBe(true);
}
