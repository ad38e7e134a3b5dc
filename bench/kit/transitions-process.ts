// Turns without a model and without a server: the transitions of the chat machine on a database, 8 or so at a time.
import { randomUUID } from "node:crypto";
import { type Applied, Chats, type WorkerRefusal } from "../../src/chat/index.js";
import { systemClock } from "../../src/platform/index.js";
import { migrate, openPostgres, readMessages, writeHeartbeat } from "../../src/store/index.js";
import { answerParent } from "./answer-parent.js";

/** Send, Acquire, BeginAttempt, CommitStep, FinishTurn: each is a transaction. */
const transitionsPerTurn = 5;

function accepted(result: Applied | WorkerRefusal): NonNullable<Applied["state"]> {
  if ("refused" in result) throw new Error(`refused: ${result.refused}`);
  if (result.state === undefined) throw new Error("the chat is gone");
  return result.state;
}

async function run({ databaseUrl, seconds, lanes }: Run): Promise<{ perSecond: number }> {
  await using database = openPostgres({ url: databaseUrl, poolSize: lanes });
  await migrate(database);
  const workerId = randomUUID();
  const heartbeat = { id: workerId, advertisedUrl: "", version: "bench", capacity: lanes, turns: 0 };
  await writeHeartbeat(database, { ...heartbeat, clockAt: systemClock.now() });
  const chats = new Chats({ database, publish: () => undefined, leaseMs: 3_600_000 });
  const owner = "bench";
  const parts = [{ type: "text" as const, text: "x".repeat(120) }];

  const takeTurn = async (chatId: string): Promise<void> => {
    const user = { parts, author: owner, model: "bench/none" };
    await chats.request(
      { chatId, owner },
      { type: "Send", message: user, whenBusy: "queue" },
      () => undefined,
    );
    const acquired = accepted(await chats.work(chatId, { type: "Acquire", workerId }));
    const fence = { workerId, leaseEpoch: acquired.leaseEpoch };
    const { history: historyVersion } = acquired.versions;
    const { generationAttempt } = acquired;
    // An input names the attempt that its sender knows of.
    const before = { historyVersion, generationAttempt };
    const begun = accepted(await chats.work(chatId, { type: "BeginAttempt", fence, attempt: before }));
    const attempt = { historyVersion, generationAttempt: begun.generationAttempt };
    const messages = [{ role: "assistant" as const, parts, model: "bench/none" }];
    const stepped = accepted(await chats.work(chatId, { type: "CommitStep", fence, attempt, messages }));
    const finish = { type: "FinishTurn", fence, historyVersion: stepped.versions.history } as const;
    accepted(await chats.work(chatId, finish));
  };

  const beganMs = performance.now();
  let turns = 0;
  const lane = async (): Promise<void> => {
    const chatId = randomUUID();
    const chat = {
      id: chatId,
      owner,
      title: "",
      labels: {},
      model: "bench/none",
      system: [],
      first: undefined,
    };
    await chats.create(
      () => chat,
      () => undefined,
    );
    let own = 0;
    for (; performance.now() - beganMs < seconds * 1_000; own++) await takeTurn(chatId);
    turns += own;
    const page = { afterId: 0, limit: own * 2 + 1, maxBytes: Number.MAX_SAFE_INTEGER };
    const { messages } = await readMessages(database, chatId, owner, page);
    if (messages.length !== own * 2) throw new Error(`${messages.length} messages of ${own} turns`);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { perSecond: (turns * transitionsPerTurn * 1_000) / (performance.now() - beganMs) };
}

interface Run {
  readonly databaseUrl: string;
  readonly seconds: number;
  readonly lanes: number;
}

answerParent({ run });
