import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import type { LanguageModelV3, LanguageModelV3Message, LanguageModelV3Prompt } from "@ai-sdk/provider";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatErrorKind } from "../../src/gen/palaver/chat/v1/error_pb.js";
import { ImportService } from "../../src/gen/palaver/chat/v1/import_service_pb.js";
import { contentVersion, decodeContent, encodeContent, type StoredPart } from "../../src/protocol/index.js";
import { type ContentVector, contentVectors } from "../../conformance/vectors/content-vectors.js";
import { engines } from "../kit/databases.js";
import { importChat } from "../kit/imports.js";
import { type ProviderServer, startProviderServer, text } from "../kit/provider-server/index.js";
import { says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { openReplicaData } from "../kit/replica-data.js";
import { Watch } from "../kit/watch.js";

const question = [{ type: "text" as const, text: "hi" }];
const next = [{ type: "text" as const, text: "Go on." }];

/** A history that the vector's row is the last of, as rows. */
function rowsOf(vector: ContentVector, model: string) {
  const { role, raw, content_version } = vector;
  const row = { role, contentVersion: content_version, contentJson: raw, model };
  const stored = (of: string, parts: readonly StoredPart[]) => ({
    role: of,
    contentVersion,
    contentJson: encodeContent(parts),
    model: of === "assistant" ? model : "",
  });
  if (role === "user") return [row];
  if (role !== "tool") return [stored("user", question), row];
  const decoded = decodeContent(raw, content_version, role);
  const calls = (decoded.ok ? decoded.parts : []).flatMap((part): StoredPart[] =>
    part.type === "tool-result" && part.provider_executed !== true
      ? [{ type: "tool-call", tool_call_id: part.tool_call_id, tool_name: part.tool_name, args_json: "{}" }]
      : [],
  );
  return [stored("user", question), stored("assistant", calls), row];
}

type Content = readonly { readonly type: string; readonly [field: string]: unknown }[];

/** What has to reach the provider: the vector's words, between what stands around them. */
function promptOf(role: string, content: Content): LanguageModelV3Prompt {
  const user = (...parts: Content[]) => ({ role: "user", content: parts.flat() });
  const calls = (parts: Content): Content =>
    parts.map(({ toolCallId, toolName }) => ({ type: "tool-call", toolCallId, toolName, input: {} }));
  const unanswered = (parts: Content): Content =>
    parts.flatMap(({ type, toolCallId, toolName, providerExecuted }) => {
      if (type !== "tool-call" || providerExecuted === true) return [];
      const error = "This call has no result: it was interrupted before it was done.";
      return [
        { type: "tool-result", toolCallId, toolName, output: { type: "error-json", value: { error } } },
      ];
    });
  const filled = (as: string, parts: Content) => (parts.length === 0 ? [] : [{ role: as, content: parts }]);
  const between = (...messages: object[]): object[] =>
    messages.length === 0 ? [user(question, next)] : [user(question), ...messages, user(next)];
  const messages = (): object[] => {
    switch (role) {
      case "system":
        return [...content.map((part) => ({ role, content: part["text"] })), user(question, next)];
      case "user":
        return [user(content, next)];
      case "assistant":
        return between(...filled(role, content), ...filled("tool", unanswered(content)));
      default:
        return between(...filled("assistant", calls(content)), ...filled(role, content));
    }
  };
  return messages() as LanguageModelV3Message[];
}

/** The provider's own package, which writes what the vector says. Marked numbers become numbers in the finished request. */
function packageOf(server: ProviderServer, provider: string, model: string): LanguageModelV3 {
  const exact: typeof fetch = (input, init) =>
    fetch(input, { ...init, body: typeof init?.body === "string" ? exactNumbers(init.body) : null });
  const { apiKey, baseUrl: baseURL } = provider === "google" ? server.access.google : server.access.anthropic;
  const make = provider === "google" ? createGoogleGenerativeAI : createAnthropic;
  return make({ apiKey, baseURL, fetch: exact }).languageModel(model);
}

function exactNumbers(body: string): string {
  return body.replaceAll(/"number:(-?[\d.]+(?:[eE][+-]?\d+)?)"/g, "$1");
}

describe.each(engines)("stored content on %s", (engine) => {
  test("reaches the provider as every vector says, and stays as it was", { timeout: 240_000 }, async () => {
    await using server = await startProviderServer();
    await using replica = await startTestReplica({
      engine,
      providers: server,
      env: { PALAVER_TOOLS: "none" },
    });
    const imports = createClient(ImportService, createGrpcTransport({ baseUrl: replica.url }));
    const rows: { chatId: string; id: number; raw: string }[] = [];
    // Reading is the same on both engines, and the text that they keep: some tell whether that holds.
    const vectors = contentVectors.filter((_, index) => engine === "postgres" || index % 5 === 0);
    const waiting = [...vectors];
    const some = async (): Promise<void> => {
      for (let vector = waiting.pop(); vector !== undefined; vector = waiting.pop()) {
        rows.push({ ...(await goOn(vector, server, replica, imports)), raw: vector.raw });
      }
    };
    await Promise.all([some(), some(), some(), some()]);
    expect(rows).toHaveLength(vectors.length);
    await replica.stop();
    await using database = await openReplicaData(replica);
    const stored = await database.query<{ same: boolean; revision: number }>(
      {
        name: "test_vectors_stored",
        text: `select m.content::text = given.raw as same, m.revision from messages m
          join unnest($1::uuid[], $2::bigint[], $3::text[]) as given (chat_id, id, raw)
            on given.chat_id = m.chat_id and given.id = m.id`,
      },
      [rows.map(({ chatId }) => chatId), rows.map(({ id }) => id), rows.map(({ raw }) => raw)],
    );
    expect(stored).toEqual(rows.map(() => ({ same: true, revision: 1 })));
  });
});

/** Imports the vector's row as the last one of a chat, and asks its model: compares what the provider gets. */
async function goOn(
  vector: ContentVector,
  server: ProviderServer,
  replica: TestReplica,
  imports: Client<typeof ImportService>,
): Promise<{ chatId: string; id: number }> {
  const [provider = ""] = (vector.model ?? "anthropic/claude").split("/");
  const script = await server.script([text("Fine.")], [text("Fine.")]);
  const model = `${provider}/${script.model}`;
  const rows = rowsOf(vector, model);
  const { id: chatId } = await importChat(imports, { rows, model });
  await using watch = new Watch(replica.client, { chatId });
  await watch.event("caughtUp");
  const from = watch.mark;
  await replica.client.sendMessage({ chatId, parts: says("Go on.") });
  const row = { chatId, id: rows.length };
  if ("error" in vector.prompt) {
    await watch.status(ChatStatus.ERROR, from);
    const { chat } = await replica.client.getChat({ chatId });
    expect(chat?.error?.kind, vector.id).toBe(ChatErrorKind.CONFIG);
    expect(chat?.error?.message, vector.id).toContain(String(rows.length));
    expect(await script.requests(), vector.id).toEqual([]);
    return row;
  }
  await watch.status(ChatStatus.WAITING, from);
  const prompt = promptOf(vector.role, vector.prompt);
  const { stream } = await packageOf(server, provider, script.model).doStream({ prompt, tools: [] });
  await stream.cancel();
  const requests = await script.requests();
  expect(requests, vector.id).toHaveLength(2);
  const [seen, wanted] = requests;
  expect(seen?.rawBody, vector.id).toBe(wanted?.rawBody);
  return row;
}
