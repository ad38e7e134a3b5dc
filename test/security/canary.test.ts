import { inspect } from "node:util";
import { toBinary } from "@bufbuild/protobuf";
import { createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { pino } from "pino";
import { afterEach, expect, it, vi } from "vitest";
import * as z from "zod";
import { LocalBus } from "../../src/bus/index.js";
import { loadConfig } from "../../src/config/index.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { ChatNotificationSchema } from "../../src/gen/palaver/relay/v1/notification_pb.js";
import { startReplica } from "../../src/replica.js";
import { type Database, readHistory } from "../../src/store/index.js";
import { defineTool } from "../../src/tools/index.js";
import {
  eof,
  gate,
  httpError,
  type ProviderServer,
  type ProviderStep,
  reasoning,
  type ScriptedModelHandle,
  startProviderServer,
  streamError,
  text,
  toolCall,
  webSearch,
} from "../kit/provider-server/index.js";
import { type ChatClient, newChat, says, startTestReplica } from "../kit/replica.js";
import { openReplicaData } from "../kit/replica-data.js";
import { Watch } from "../kit/watch.js";
import { callMethod, isRead, loadServices, recordInto } from "./every-method.js";

/** What every secret contains. */
const canary = "c4n4ry";
const signature = `signature-${canary}-signed`;
const encrypted = `encrypted-${canary}-content`;
const redacted = `redacted-${canary}-thought`;
const modelOnly = `model-only-${canary}-message`;
const keys = {
  OPENAI_API_KEY: `sk-proj-${canary}0123456789`,
  ANTHROPIC_API_KEY: `plain ${canary} words`,
  GOOGLE_GENERATIVE_AI_API_KEY: `AIza${canary}0123456789`,
};
const keyOf = {
  anthropic: keys.ANTHROPIC_API_KEY,
  openai: keys.OPENAI_API_KEY,
  google: keys.GOOGLE_GENERATIVE_AI_API_KEY,
};
const providers = ["anthropic", "openai", "google"] as const;

const broken = defineTool({
  name: "broken",
  description: "Never works",
  input: z.object({}),
  idempotent: true,
  run: () => Promise.reject(new Error("It is broken.")),
});

/** All that left the server, each with where it was seen. */
const seen: { readonly where: string; readonly said: string }[] = [];
const record = (where: string, said: string): void => void seen.push({ where, said });

const transports: Readonly<Record<string, (baseUrl: string, interceptors: Interceptor[]) => Transport>> = {
  "connect-json": (baseUrl, interceptors) =>
    createConnectTransport({ baseUrl, interceptors, httpVersion: "2", useBinaryFormat: false }),
  "connect-binary": (baseUrl, interceptors) =>
    createConnectTransport({ baseUrl, interceptors, httpVersion: "1.1", useBinaryFormat: true }),
  grpc: (baseUrl, interceptors) => createGrpcTransport({ baseUrl, interceptors }),
  "grpc-web": (baseUrl, interceptors) =>
    createGrpcWebTransport({ baseUrl, interceptors, httpVersion: "1.1" }),
};

afterEach(() => vi.restoreAllMocks());

it("no secret reaches a client, a log or the bus; providers get theirs back (PART-4)", {
  timeout: 120_000,
}, async () => {
  // The bus carries what Chats publishes; it is looked at here, and delivered as ever.
  const publish = vi.spyOn(LocalBus.prototype, "publish");
  const logger = pino({ level: "debug" }, { write: (line: string) => record("log", line) });
  await using server = await startProviderServer();
  await using replica = await startTestReplica({ providers: server, tools: [broken], logger, env: keys });
  await using database = await openReplicaData(replica);
  const client = createClient(
    ChatService,
    createGrpcTransport({
      baseUrl: replica.url,
      interceptors: [recordInto((what, said) => record(`turns ${what}`, said))],
    }),
  );

  const chats: string[] = [];
  const scripts: ScriptedModelHandle[] = [];
  for (const provider of providers) {
    const { chatId, script } = await talk(client, database, server, provider);
    chats.push(chatId, await fail(client, server, provider));
    scripts.push(script);
  }
  const running = await stopInside(client, server);
  chats.push(running.chatId);
  await sweep(replica.url, chats);

  // A turn is handed over in the middle: what was generated stands in its checkpoint. Nobody goes on with it.
  await replica.stop();
  expect(await stored(database)).toContain(canary);
  const successor = await startReplica(loadConfig({ ...replica.env, PALAVER_CONCURRENT_TURNS: "0" }), {
    logger,
  });
  try {
    await sweep(successor.url, chats);
  } finally {
    await successor.stop({ graceMs: 0 });
  }

  for (const [notification, ...routing] of publish.mock.calls) {
    record("bus", Buffer.from(toBinary(ChatNotificationSchema, notification)).toString("latin1"));
    record("bus", inspect(routing));
  }
  for (const { where, said } of seen) expect(said, where).not.toContain(canary);

  // The test saw what it says it saw.
  const places = new Set(seen.map(({ where }) => where));
  for (const service of await loadServices()) {
    for (const method of service.methods)
      for (const wire of Object.keys(transports))
        expect(places).toContain(`${wire} ${service.typeName}/${method.name}`);
  }
  expect(seen.filter(({ where }) => where === "log").length).toBeGreaterThan(100);
  expect(seen.filter(({ where }) => where === "bus").length).toBeGreaterThan(20);
  for (const shown of ["I searched.", "It is broken.", "[redacted]", "Half an ans"])
    expect(
      seen.some(({ said }) => said.includes(shown)),
      shown,
    ).toBe(true);
  const bodies = (await Promise.all(scripts.map((script) => script.requests()))).map((requests) =>
    requests.map(({ rawBody }) => rawBody).join("\n"),
  );
  for (const [index, wanted] of [
    [signature, encrypted, redacted, modelOnly],
    [signature, modelOnly],
    [signature, encrypted, modelOnly],
  ].entries()) {
    for (const secret of wanted) expect(bodies[index], providers[index]).toContain(secret);
  }
});

/** A chat that goes well, with a tool that does not, and a message that only the model sees; then the next turn. */
async function talk(
  client: ChatClient,
  database: Database,
  server: ProviderServer,
  provider: (typeof providers)[number],
): Promise<{ chatId: string; script: ScriptedModelHandle }> {
  const found = [{ url: "https://example.com", title: "E", encryptedContent: encrypted }];
  const script = await server.script(
    [
      reasoning("Let me think.", { chunk: 3, signature }),
      ...(provider === "anthropic" ? [reasoning("", { redacted })] : []),
      webSearch("what", found, { id: "srvtoolu_1" }),
      reasoning("", { signature }),
      text("I searched."),
      toolCall("broken", {}),
    ],
    // Its own words quote what it was sent.
    [httpError(503, `Later, ${keyOf[provider]}, or without "${signature}"`)],
    [text("It did not work.")],
    [text("Half an ans"), gate("half")],
    [text("Yes.")],
  );
  const chatId = await newChat(client, `${provider}/${script.model}`);
  await using watch = new Watch(client, { chatId });
  await watch.event("caughtUp");
  await client.sendMessage({ chatId, parts: says("Search, then break") });
  await watch.event("retry");
  const retried = watch.mark;
  await watch.status(ChatStatus.WAITING, retried);
  await insertModelOnly(database, chatId);
  await client.sendMessage({ chatId, parts: says("And?") });
  await script.reached("half");
  await watch.event("messagePart", ({ part }) => part?.kind.value !== undefined, retried);
  await client.interruptChat({ chatId });
  const interrupted = watch.mark;
  await watch.status(ChatStatus.WAITING, retried + 1);
  await client.sendMessage({ chatId, parts: says("Once more") });
  await script.ended(4);
  await watch.status(ChatStatus.WAITING, interrupted);
  return { chatId, script };
}

/** A chat whose provider repeats the key in all the ways it can fail. Returns the chat, failed. */
async function fail(
  client: ChatClient,
  server: ProviderServer,
  provider: (typeof providers)[number],
): Promise<string> {
  const key = keyOf[provider];
  const failures: ProviderStep[][] = [
    [httpError(400, "", { body: `no JSON, ${key}` })],
    [reasoning("Hm", { signature }), streamError("invalid_request_error", `Not with ${key}`)],
    [httpError(401, `Incorrect API key provided: ${key}.`)],
  ];
  const script = await server.script(...failures);
  const chatId = await newChat(client, `${provider}/${script.model}`);
  await using watch = new Watch(client, { chatId });
  await watch.event("caughtUp");
  for (const [index] of failures.entries()) {
    const mark = watch.mark;
    await client.sendMessage({ chatId, parts: says(`Try ${String(index)}`) });
    await watch.status(ChatStatus.ERROR, mark);
  }
  return chatId;
}

/** A chat that is in the middle of a turn, and stays there. */
async function stopInside(client: ChatClient, server: ProviderServer): Promise<{ chatId: string }> {
  const script = await server.script([
    reasoning("Deep", { signature }),
    text("Half an ans"),
    gate("for good"),
    eof(),
  ]);
  const chatId = await newChat(client, `anthropic/${script.model}`, "Go");
  await script.reached("for good");
  await using watch = new Watch(client, { chatId });
  await watch.event("messagePart", ({ part }) => part?.kind.case === "text");
  return { chatId };
}

async function insertModelOnly(database: Database, chatId: string): Promise<void> {
  await database.execute(
    {
      name: "test.insert_model_only",
      text: `with chat as (update chats set last_message_id = last_message_id + 1, snapshot_version = snapshot_version + 1,
          history_version = snapshot_version + 1 where id = $1 returning *)
        insert into messages (chat_id, id, revision, role, content, content_version, visibility)
        select id, last_message_id, snapshot_version, 'user', $2::jsonb, 2, 'model' from chat`,
    },
    [chatId, JSON.stringify([{ type: "text", text: modelOnly }])],
  );
  expect((await readHistory(database, chatId)).at(-1)?.visibility).toBe("model");
}

/** What the database holds of steps that are not committed. */
async function stored(database: Database): Promise<string> {
  const rows = await database.query({
    name: "test.checkpoints",
    text: "select content::text as content from checkpoints",
  });
  return JSON.stringify(rows);
}

/** Calls every method of every service on every wire: reads for each chat, the others for the first one, and what deletes for one of its own. */
async function sweep(url: string, chats: readonly string[]): Promise<void> {
  const services = await loadServices();
  for (const [wire, open] of Object.entries(transports)) {
    const transport = open(url, [recordInto((what, said) => record(`${wire} ${what}`, said))]);
    const methods = services.flatMap((service) => service.methods);
    await Promise.all(
      methods.filter(isRead).flatMap((method) => chats.map((chat) => callMethod(transport, method, chat))),
    );
    const victim = await newChat(createClient(ChatService, transport), "scripted/default");
    for (const method of methods.filter((each) => !isRead(each)))
      await callMethod(transport, method, method.name.startsWith("Delete") ? victim : (chats[0] ?? ""));
  }
}
