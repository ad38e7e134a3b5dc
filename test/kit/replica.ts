import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { loadConfig } from "../../src/config/index.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { silentLogger } from "../../src/platform/index.js";
import { type ReplicaDeps, startReplica } from "../../src/replica.js";
import type { Engine } from "./databases.js";
import { copyPgliteTemplate } from "./pglite-template.js";
import { createTestDatabase } from "./postgres.js";
import type { ProviderServer } from "./provider-server/index.js";
import { Watch } from "./watch.js";

export type ChatClient = Client<typeof ChatService>;

/** A whole replica in this process, on a free port, with a database of its own. */
export interface TestReplica extends AsyncDisposable {
  readonly id: string;
  readonly url: string;
  readonly metricsUrl: string | undefined;
  readonly client: ChatClient;
  /** The environment it was started with: for a second one on the same data. */
  readonly env: Readonly<Record<string, string>>;
  watch(chatId: string): Watch;
  /** `graceMs`: how long that may take, 1 s unless given. */
  stop(graceMs?: number): Promise<void>;
}

export interface TestReplicaOptions extends ReplicaDeps {
  readonly engine?: Engine;
  /** Configures all providers to talk to it. */
  readonly providers?: ProviderServer;
  readonly env?: Readonly<Record<string, string>>;
}

export async function startTestReplica(options: TestReplicaOptions = {}): Promise<TestReplica> {
  const { engine = "postgres", providers, env: extra = {}, ...deps } = options;
  const data = await openData(engine);
  const env = {
    PALAVER_LISTEN: "127.0.0.1:0",
    PALAVER_LOG_LEVEL: "silent",
    // Steps of tests wait for gates that nobody opens any more.
    PALAVER_DRAIN_GRACE: "0s",
    ...data.env,
    ...(providers === undefined ? {} : providerEnv(providers)),
    ...extra,
  };
  const replica = await startReplica(loadConfig(env), { logger: silentLogger, ...deps });
  const client = createClient(ChatService, createGrpcTransport({ baseUrl: replica.url }));
  const watches: Watch[] = [];
  let stopped: Promise<void> | undefined;
  const stop = (graceMs = 1_000): Promise<void> => {
    stopped ??= replica.stop({ graceMs });
    return stopped;
  };
  return {
    id: replica.id,
    url: replica.url,
    metricsUrl: replica.metricsUrl,
    client,
    env,
    watch(chatId) {
      const watch = new Watch(client, { chatId });
      watches.push(watch);
      return watch;
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      for (const watch of watches) await watch[Symbol.asyncDispose]();
      await stop();
      await data.drop();
    },
  };
}

export function providerEnv({ access }: ProviderServer): Record<string, string> {
  return {
    OPENAI_API_KEY: access.openai.apiKey,
    OPENAI_BASE_URL: access.openai.baseUrl,
    ANTHROPIC_API_KEY: access.anthropic.apiKey,
    ANTHROPIC_BASE_URL: access.anthropic.baseUrl,
    GOOGLE_GENERATIVE_AI_API_KEY: access.google.apiKey,
    GOOGLE_BASE_URL: access.google.baseUrl,
    OPENAI_COMPATIBLE_BASE_URL: access.openaiCompatible.baseUrl,
  };
}

async function openData(engine: Engine): Promise<{ env: Record<string, string>; drop: () => Promise<void> }> {
  if (engine === "postgres") {
    const { url, drop } = await createTestDatabase();
    return { env: { DATABASE_URL: url, HOME: tmpdir() }, drop };
  }
  const folder = await mkdtemp(join(tmpdir(), "palaver-test-"));
  await copyPgliteTemplate(join(folder, "database", "pgdata"));
  return {
    env: { PALAVER_DATA_DIR: folder, HOME: folder },
    drop: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A user's text as parts of a request. */
export function says(text: string): { kind: { case: "text"; value: { text: string } } }[] {
  return [{ kind: { case: "text", value: { text } } }];
}

/** Creates a chat, which starts its first turn if there is text. */
export async function newChat(client: ChatClient, model: string, text?: string): Promise<string> {
  const { chat } = await client.createChat({ model, parts: text === undefined ? [] : says(text) });
  if (chat === undefined) throw new Error("CreateChat returned no chat");
  return chat.id;
}
