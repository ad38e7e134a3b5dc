// Turns without a model and without a server: the transitions of the chat machine on a database, 8 or so at a time.
import { randomUUID } from "node:crypto";
import {
  type Acquired,
  type Applied,
  Chats,
  type ChatState,
  type WorkerRefusal,
} from "../../src/chat/index.js";
import { systemClock } from "../../src/platform/index.js";
import { migrate, openPostgres, readMessages, writeHeartbeat } from "../../src/store/index.js";
import { answerParent } from "./answer-parent.js";

/**
 * Send, Acquire, BeginAttempt, CommitStep, FinishTurn, in two transactions: the worker of the replica that takes the message acquires the
 * chat and begins with it, and the turn ends with its step.
 */
const transitionsPerTurn = 5;

function accepted(result: Applied | WorkerRefusal): NonNullable<Applied["state"]> {
  if ("refused" in result) throw new Error(`refused: ${result.refused}`);
  if (result.state === undefined) throw new Error("the chat is gone");
  return result.state;
}

async function run({
  databaseUrl,
  seconds,
  lanes,
  chatIds,
  owner = "bench",
}: Run): Promise<{ perSecond: number }> {
  await using database = openPostgres({ url: databaseUrl, poolSize: lanes });
  await migrate(database);
  const workerId = randomUUID();
  const heartbeat = { id: workerId, advertisedUrl: "", version: "bench", capacity: lanes, turns: 0 };
  await writeHeartbeat(database, { ...heartbeat, clockAt: systemClock.now() });
  const acquired = new Map<string, Acquired>();
  const chats = new Chats({
    database,
    publish: () => undefined,
    reserve: (chatId) => ({
      workerId,
      run: (got) => void acquired.set(chatId, got),
      [Symbol.dispose]: () => undefined,
    }),
    leaseMs: 3_600_000,
  });
  const parts = [{ type: "text" as const, text: "x".repeat(120) }];

  /** Resolves with the id of the last message. */
  const takeTurn = async (chatId: string): Promise<number> => {
    const user = { parts, author: owner, model: "bench/none" };
    await chats.request(
      { chatId, owner },
      { type: "Send", message: user, whenBusy: "queue" },
      () => undefined,
    );
    const got = acquired.get(chatId);
    if (got?.state === undefined || !got.begun) throw new Error("no attempt was begun with the message");
    const begun = got.state;
    const { leaseEpoch, generationAttempt, versions } = begun;
    const fence = { workerId, leaseEpoch };
    const attempt = { historyVersion: versions.history, generationAttempt };
    const messages = [{ role: "assistant" as const, parts, model: "bench/none" }];
    const commit = { type: "CommitStep", fence, attempt, messages } as const;
    const finish = (chat: ChatState) =>
      ({ type: "FinishTurn", fence, historyVersion: chat.versions.history }) as const;
    const ended = accepted(await chats.work(chatId, commit, begun, finish));
    if (ended.phase.status !== "waiting") throw new Error("the turn did not end with its step");
    return ended.lastMessageId;
  };

  const createChat = async (): Promise<string> => {
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
    return chatId;
  };

  const beganMs = performance.now();
  /** Takes turns in these chats, one after the other; resolves with how many each got, and its last message. */
  const lane = async (own: readonly string[]): Promise<Map<string, Taken>> => {
    const taken = new Map<string, Taken>();
    for (let turn = 0; performance.now() - beganMs < seconds * 1_000; turn++) {
      const chatId = own[turn % own.length] ?? "";
      const lastMessageId = await takeTurn(chatId);
      taken.set(chatId, { turns: (taken.get(chatId)?.turns ?? 0) + 1, lastMessageId });
    }
    return taken;
  };
  const chatsOfLane = async (index: number): Promise<readonly string[]> =>
    chatIds?.filter((_id, at) => at % lanes === index) ?? [await createChat()];
  const taken = await Promise.all(
    Array.from({ length: lanes }, async (_, index) => lane(await chatsOfLane(index))),
  );
  const elapsedMs = performance.now() - beganMs;

  let turns = 0;
  for (const [chatId, own] of taken.flatMap((each) => [...each])) {
    const left = own.turns * 2;
    const page = { afterId: own.lastMessageId - left, limit: left + 1, maxBytes: Number.MAX_SAFE_INTEGER };
    const { messages } = await readMessages(database, chatId, owner, page);
    if (messages.length !== left) throw new Error(`${messages.length} messages of ${own.turns} turns`);
    turns += own.turns;
  }
  return { perSecond: (turns * transitionsPerTurn * 1_000) / elapsedMs };
}

interface Taken {
  readonly turns: number;
  readonly lastMessageId: number;
}

interface Run {
  readonly databaseUrl: string;
  readonly seconds: number;
  readonly lanes: number;
  /** Idle chats of `owner` to take the turns in. Default: a new one for each lane. */
  readonly chatIds?: readonly string[];
  readonly owner?: string;
}

answerParent({ run });
