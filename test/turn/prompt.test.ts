import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { createModelRegistry } from "../../src/models/index.js";
import { systemClock, systemRandom } from "../../src/platform/index.js";
import { readHistory } from "../../src/store/index.js";
import { createToolRegistry, defineTool } from "../../src/tools/index.js";
import { engines } from "../kit/databases.js";
import {
  type ProviderServer,
  type ProviderStep,
  reasoning,
  type RecordedRequest,
  startProviderServer,
  text,
  toolCall,
  webSearch,
} from "../kit/provider-server/index.js";
import { newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { openReplicaData } from "../kit/replica-data.js";

const providers = ["openai", "openai-chat", "anthropic", "google", "openai-compatible"] as const;
type Provider = (typeof providers)[number];

const hugeId = "12345678901234567890";
const lookup = defineTool({
  name: "lookup",
  description: "Looks something up",
  input: z.object({ key: z.unknown() }),
  idempotent: true,
  // JSON as text: what it holds is kept digit by digit.
  run: () => Promise.resolve(`{"id":${hugeId},"price":0.10}`),
});

interface RecordedTurn {
  readonly chatId: string;
  readonly modelId: string;
  readonly requests: readonly RecordedRequest[];
}

const words = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).map((said) => `${said}.`);
const signature = fc.base64String({ minLength: 4, maxLength: 40 });

/** Something that a model says in the middle of a step. */
const remark = (provider: Provider): fc.Arbitrary<ProviderStep> =>
  fc.oneof(
    words.map((said) => text(said, { chunk: 3 })),
    fc
      .tuple(fc.oneof(fc.constant(""), words), signature)
      .map(([thought, signed]) => reasoning(thought, { signature: signed })),
    ...(provider === "anthropic" ? [signature.map((data) => reasoning("", { redacted: data }))] : []),
    ...(provider === "anthropic" || provider === "openai" || provider === "google"
      ? [
          fc.tuple(words, signature, fc.uuid()).map(([query, encryptedContent, id]) =>
            webSearch(query, [{ url: "https://example.com", title: "E", encryptedContent }], {
              id: `srvtoolu_${id.replaceAll("-", "")}`,
            }),
          ),
        ]
      : []),
  );

const call: fc.Arbitrary<ProviderStep> = fc
  .constantFrom('{"key":"a"}', `{"key":${hugeId}}`, '{"key":{"n":[1.50,-0,1e3]}}', "{}")
  .map((args) => toolCall("lookup", args, { chunk: 4 }));

/** The responses of a turn: steps with calls, then an answer. */
const responses = (provider: Provider): fc.Arbitrary<ProviderStep[][]> =>
  fc
    .tuple(
      fc.array(
        fc
          .tuple(fc.array(remark(provider), { maxLength: 4 }), fc.array(call, { minLength: 1, maxLength: 3 }))
          .map(([remarks, calls]) => [...remarks, ...calls]),
        { minLength: 1, maxLength: 3 },
      ),
      fc.array(remark(provider), { maxLength: 3 }),
    )
    .map(([steps, remarks]) => [...steps, [...remarks, text("Done.")], [text("Again.")]]);

describe.each(engines)("on %s", (engine) => {
  it("every prompt of a turn is the one that its stored history makes", { timeout: 120_000 }, async () => {
    const seed = Math.floor(systemRandom.fraction() * 2 ** 31);
    await using server = await startProviderServer();
    await using replica = await startTestReplica({
      engine,
      providers: server,
      tools: [lookup],
      env: { PALAVER_TOOLS: "none" },
    });
    const turns: RecordedTurn[] = [];
    for (const provider of providers) {
      const samples = fc.sample(responses(provider), { numRuns: engine === "pglite" ? 2 : 4, seed });
      turns.push(...(await Promise.all(samples.map((steps) => runTurns(server, replica, provider, steps)))));
    }
    await replica.stop();
    await using database = await openReplicaData(replica);
    const models = createModelRegistry(
      { defaultModelId: "scripted/default", ...server.access },
      { clock: systemClock },
    );
    const tools = createToolRegistry([lookup]).declarations();
    for (const { chatId, modelId, requests } of turns) {
      const history = await readHistory(database, chatId);
      const answers = history.flatMap(({ role }, index) => (role === "assistant" ? [index] : []));
      expect(answers, `seed ${String(seed)}`).toHaveLength(requests.length);
      for (const [index, request] of requests.entries()) {
        const model = models.resolve(modelId);
        if (model === undefined) throw new Error(`${modelId} does not resolve`);
        const before = { history: history.slice(0, answers[index]), tools, files: new Map() };
        // The script is over, so this request is refused; it has been recorded by then.
        const asking = model.stream(before, { signal: new AbortController().signal })[Symbol.asyncIterator]();
        await expect(asking.next()).rejects.toMatchObject({ name: "ModelError" });
        const [rebuilt] = (await server.requestsOf(request.model)).slice(-1);
        expect(rebuilt?.rawBody, `seed ${String(seed)}, ${modelId}, step ${String(index)}`).toBe(
          request.rawBody,
        );
      }
    }
    // Together the runs went through what they are meant to go through.
    const all = turns.flatMap(({ requests }) => requests.map(({ rawBody }) => rawBody)).join("\n");
    for (const sent of [hugeId, "0.10"]) expect(all).toContain(sent);
  });
});

/** Two turns of one chat: so that the second one carries all of the first. */
async function runTurns(
  server: ProviderServer,
  replica: TestReplica,
  provider: Provider,
  steps: ProviderStep[][],
): Promise<RecordedTurn> {
  const script = await server.script(...steps);
  const modelId = `${provider}/${script.model}`;
  const { client } = replica;
  const chatId = await newChat(client, modelId);
  const watching = replica.watch(chatId);
  await watching.event("caughtUp");
  for (const question of ["Look it up", "And again"]) {
    const mark = watching.mark;
    await client.sendMessage({ chatId, parts: says(question) });
    await watching.status(ChatStatus.WAITING, mark);
  }
  return { chatId, modelId, requests: await script.requests() };
}
