import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { reasonOf, sendMessage } from "../../src/client/index.js";
import type { TestClusterReplica } from "../kit/cluster.js";
import { says } from "../kit/replica.js";
import { sleptFor } from "./disturbances.js";
import type { SeededRandom } from "./seeded-random.js";

/** What was acknowledged, and what it took. */
export interface Sent {
  readonly texts: Map<string, string[]>;
  messages: number;
  /** Calls that failed, so that the message was sent again. */
  failures: number;
}

export interface WriteOptions {
  readonly name: string;
  readonly chatIds: readonly string[];
  readonly replicas: readonly TestClusterReplica[];
  readonly random: SeededRandom;
  readonly sent: Sent;
  /** Ends it, when the message that is under way is acknowledged. */
  readonly signal: AbortSignal;
}

/** Sends one message after the other, each to any chat through any replica, again and again until some replica says that it has it. */
export async function write({ name, chatIds, replicas, random, sent, signal }: WriteOptions): Promise<void> {
  for (let serial = 1; await sleptFor(random.between(100, 600), signal); serial++) {
    const chatId = random.pick(chatIds);
    const text = `${name}.${serial}`;
    const idempotencyKey = randomUUID();
    for (;;) {
      const replica = random.pick(replicas);
      try {
        await sendMessage(
          { chats: replica.client },
          { chatId, parts: says(text), idempotencyKey },
          { attemptTimeoutMs: 4_000, maxAttempts: 1 },
        );
        break;
      } catch (error) {
        if (!isWorthRepeating(error)) throw withLog(error, replica);
        sent.failures += 1;
        await sleptFor(random.between(50, 500), new AbortController().signal);
      }
    }
    sent.messages += 1;
    sent.texts.set(chatId, [...(sent.texts.get(chatId) ?? []), text]);
  }
}

/** Without a reason it was the way there that failed. */
function isWorthRepeating(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return reasonOf(error) === undefined || code === Code.Unavailable || code === Code.DeadlineExceeded;
}

/** An error that only says where more is written, with what is written there. */
function withLog(error: unknown, replica: TestClusterReplica): unknown {
  const [id] = ConnectError.from(error).rawMessage.match(/(?<=error id )[\w-]+/) ?? [];
  const lines = id === undefined ? [] : replica.stderr.split("\n").filter((line) => line.includes(id));
  return lines.length === 0 ? error : new Error(lines.join("\n"), { cause: error });
}
