import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { PartSchema, Role } from "../gen/palaver/chat/v1/message_pb.js";
import { type Logger, silentLogger } from "../platform/index.js";
import type { LeasedChunk } from "../store/index.js";
import { CheckpointWriter, type OpenEpisode } from "./checkpoint-writer.js";

/** An episode that shows one letter after the other. */
class Letters implements OpenEpisode {
  readonly chatId: string;
  text = "";
  readonly log: OpenEpisode["log"];

  constructor(chatId: string, text: string) {
    this.chatId = chatId;
    this.text = text;
    const letters = (): string => this.text;
    this.log = {
      episode: { historyVersion: 7, generationAttempt: 1 },
      get lastSeq() {
        return letters().length;
      },
      suffixAfter: (seq) => {
        const part = create(PartSchema, { kind: { case: "text", value: { text: letters().slice(seq) } } });
        const span = { firstSeq: seq + 1, lastSeq: letters().length };
        return { ...span, deltas: [{ ...span, seq: span.lastSeq, role: Role.ASSISTANT, block: 1, part }] };
      },
    };
  }
}

/** A writer over these episodes, and the statements that it makes. What is not `free` is skipped. */
function start(open: Letters[], logger: Logger = silentLogger) {
  const statements: { chatId: string; leaseEpoch: number; text: string }[][] = [];
  const world = {
    free: (_chatId: string) => true,
    failure: undefined as Error | undefined,
    leases: new Map(open.map(({ chatId }, index) => [chatId, index + 1])),
  };
  const append = (chunks: readonly LeasedChunk[]): Promise<ReadonlySet<string>> => {
    statements.push(
      chunks.map(({ chatId, leaseEpoch, deltas }) => {
        const kind = deltas[0]?.part.kind;
        return { chatId, leaseEpoch, text: kind?.case === "text" ? kind.value.text : "" };
      }),
    );
    if (world.failure !== undefined) return Promise.reject(world.failure);
    return Promise.resolve(new Set(chunks.map(({ chatId }) => chatId).filter(world.free)));
  };
  const writer = new CheckpointWriter({
    episodes: { openEpisodes: () => open },
    leaseEpochOf: (chatId) => world.leases.get(chatId),
    append,
    logger,
  });
  return { writer, statements, world };
}

describe("checkpoints", () => {
  it("of all running steps are one statement, each with its lease and only what is new", async () => {
    const [a, b] = [new Letters("a", "He"), new Letters("b", "Yo")];
    const { writer, statements } = start([a, b]);
    await writer.write();
    a.text += "llo";
    await writer.write();
    expect(statements).toEqual([
      [
        { chatId: "a", leaseEpoch: 1, text: "He" },
        { chatId: "b", leaseEpoch: 2, text: "Yo" },
      ],
      [{ chatId: "a", leaseEpoch: 1, text: "llo" }],
    ]);
  });

  it("are not written where nothing is new, nor for chats that this replica does not run any more", async () => {
    const a = new Letters("a", "");
    const { writer, statements, world } = start([a]);
    await writer.write();
    a.text = "lost";
    world.leases.delete("a");
    await writer.write();
    expect(statements).toEqual([]);
  });

  it("begin anew with each episode", async () => {
    const open = [new Letters("a", "first")];
    const { writer, statements } = start(open);
    await writer.write();
    open[0] = new Letters("a", "second");
    await writer.write();
    expect(statements.flat().map(({ text }) => text)).toEqual(["first", "second"]);
  });

  it("of a chat that was skipped are written the next time, with what has come since", async () => {
    const [a, b] = [new Letters("a", "a"), new Letters("b", "b")];
    const { writer, statements, world } = start([a, b]);
    world.free = (chatId) => chatId !== "a";
    await writer.write();
    a.text += "!";
    world.free = () => true;
    await writer.write();
    await writer.write();
    expect(statements.map((chunks) => chunks.map(({ text }) => text))).toEqual([["a", "b"], ["a!"]]);
  });

  it("that fail are written the next time, and logged once", async () => {
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (fields: unknown) => void warnings.push(fields) } as Logger;
    const a = new Letters("a", "a");
    const { writer, statements, world } = start([a], logger);
    world.failure = new Error("the database is away");
    await writer.write();
    await writer.write();
    expect(warnings).toEqual([{ err: world.failure, chats: 1 }]);
    world.failure = undefined;
    a.text += "!";
    await writer.write();
    expect(statements.flat().map(({ text }) => text)).toEqual(["a", "a", "a!"]);
    world.failure = new Error("away again");
    a.text += "?";
    await writer.write();
    expect(warnings).toHaveLength(2);
  });
});
