import { randomUUID } from "node:crypto";
import {
  type Acquired,
  Chats,
  type ChatState,
  type Idempotency,
  type Place,
  RecentCommits,
  type WorkerInput,
} from "../../src/chat/index.js";
import { inputFor, model, type Move, userMessage } from "../../src/chat/machine.fixture.js";
import type { TransitionInput } from "../../src/chat/transition-input.js";
import type { ChatNotification } from "../../src/gen/palaver/relay/v1/notification_pb.js";
import { ManualClock } from "../../src/platform/index.js";
import { PalaverError } from "../../src/protocol/index.js";
import { type Database, readHistory } from "../../src/store/index.js";

export const leaseMs = 60_000;

export interface World {
  readonly database: Database;
  readonly chats: Chats;
  readonly published: ChatNotification[];
  readonly recent: RecentCommits;
  /** Whether the first worker, which is of this replica, takes what is left to be run. */
  hasRoom: boolean;
  /** What it took. */
  readonly taken: Acquired[];
  /** How many places were asked for and are not free again. */
  places: number;
}

export function openWorld(database: Database): World {
  const published: ChatNotification[] = [];
  const recent = new RecentCommits({ clock: new ManualClock() });
  const publish = (notification: ChatNotification): void => void published.push(notification);
  const reserve = (chatId: string): Place | undefined => {
    if (!world.hasRoom) return undefined;
    world.places += 1;
    return {
      workerId: workers[0],
      readHistory: () => readHistory(database, chatId),
      run: (acquired) => void world.taken.push(acquired),
      [Symbol.dispose]: () => void (world.places -= 1),
    };
  };
  const chats = new Chats({ database, leaseMs, publish, recent, reserve });
  const world: World = { database, chats, published, recent, hasRoom: false, taken: [], places: 0 };
  return world;
}

export async function createChat({ chats }: World, owner = "alice"): Promise<string> {
  const id = randomUUID();
  const chat = { id, owner, title: "t", labels: {}, model, system: [], first: userMessage("hello") };
  return chats.create(
    () => chat,
    () => id,
  );
}

/** Makes a request repeatable that answers nothing. */
export function newKey(): Idempotency<undefined> {
  return {
    owner: "alice",
    key: randomUUID(),
    requestHash: Buffer.from("the request"),
    encode: () => new Uint8Array(),
    decode: () => undefined,
  };
}

/** Carries out an input like a client or a worker would; the refusal, if it was refused. */
export async function apply(
  { chats }: Pick<World, "chats">,
  chatId: string,
  input: TransitionInput,
  { believed, follow, key }: { believed?: ChatState; follow?: Move; key?: Idempotency<undefined> } = {},
): Promise<string | ChatState | undefined> {
  try {
    switch (input.type) {
      case "Send":
      case "Interrupt":
      case "SubmitToolResults":
      case "DeleteQueued":
      case "PromoteQueued":
      case "Archive":
      case "Unarchive":
      case "Delete":
      case "Edit":
        return await chats.request({ chatId, owner: "alice" }, input, () => undefined, key);
      case "UpdateMetadata":
        return await chats.request(
          { chatId, owner: "alice" },
          { type: "UpdateMetadata", metadata: {} },
          () => undefined,
        );
      case "Compact":
        throw new Error("no client asks for this yet");
      default: {
        const next = (chat: ChatState) => workerInput(follow, chat);
        const outcome = await chats.work(chatId, input, believed, next);
        return "refused" in outcome ? outcome.refused : outcome.state;
      }
    }
  } catch (error) {
    if (PalaverError.is(error)) return error.reason;
    throw error;
  }
}

/** What a worker would ask for with that move; undefined for a move of a client. */
export function workerInput(move: Move | undefined, chat: ChatState): WorkerInput | undefined {
  const input = move && inputFor(move, chat);
  return input !== undefined && "fence" in input ? input : undefined;
}

export const workers = [
  "00000000-0000-4000-8000-00000000000a",
  "00000000-0000-4000-8000-00000000000b",
] as const;
