import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { beforeEach, describe, expect, it } from "vitest";
import { Role } from "../gen/palaver/chat/v1/message_pb.js";
import {
  type RelayEventSchema,
  type StreamDeltasRequestSchema,
  type StreamDeltasResponse,
  StreamDeltasResponseSchema,
} from "../gen/palaver/relay/v1/relay_service_pb.js";
import { ManualClock, noMetrics, silentLogger } from "../platform/index.js";
import { partToProto } from "../protocol/index.js";
import { DeltaLog, type EpisodeLog, type EpisodeWriter } from "../stream/index.js";
import type { Peers } from "./peers.js";
import type { RelayOwner } from "./relay-machine.js";
import { RelayMetrics } from "./relay-metrics.js";
import { RelayedEpisodes } from "./relayed-episodes.js";

const chatId = "a";
const replicaId = "here";
const at = (workerId: string): RelayOwner => ({
  type: "there",
  target: { workerId, url: `http://${workerId}` },
});

/** A call to a peer, whose side the test plays. It is deaf: what was given up may be answered all the same. */
class Call {
  readonly over: Promise<void>;
  readonly url: string;
  readonly request: MessageInitShape<typeof StreamDeltasRequestSchema>;
  readonly signal: AbortSignal;
  readonly #received: (response: StreamDeltasResponse) => void;
  #end!: (error?: Error) => void;

  constructor(...[url, request, { signal, received }]: Parameters<Peers["streamDeltas"]>) {
    this.url = url;
    this.request = request;
    this.signal = signal;
    this.#received = received;
    this.over = new Promise((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve() : reject(error));
    });
  }

  async answer(...events: MessageInitShape<typeof RelayEventSchema>[]): Promise<void> {
    try {
      this.#received(create(StreamDeltasResponseSchema, { events }));
    } catch (error) {
      if (error instanceof Error) this.#end(error);
    }
    await settled();
  }

  async end(error?: Error): Promise<void> {
    this.#end(error);
    await settled();
  }
}

/** Everything that is ready by now has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

const opened = (generationAttempt: number, afterSeq = 0n): MessageInitShape<typeof RelayEventSchema> => ({
  event: {
    case: "episodeOpened",
    value: { episode: { historyVersion: 3n, generationAttempt }, afterSeq },
  },
});

function said(firstSeq: bigint, text: string): MessageInitShape<typeof RelayEventSchema> {
  const part = partToProto({ type: "text", text });
  const value = { firstSeq, role: Role.ASSISTANT, block: 1, part, lengths: [text.length] };
  return { event: { case: "deltas", value } };
}

function say(writer: EpisodeWriter, text: string): void {
  writer.append({ role: Role.ASSISTANT, block: 1, part: partToProto({ type: "text", text }) });
}

let clock: ManualClock;
let own: DeltaLog;
let calls: Call[];
let owner: RelayOwner;
/** Tells that something may have changed. */
let look: () => Promise<void>;
let episodes: RelayedEpisodes;

beforeEach(() => {
  clock = new ManualClock();
  own = new DeltaLog({ clock });
  calls = [];
  owner = at("first");
  const listeners = new Set<() => void>();
  look = async () => {
    for (const listener of listeners) listener();
    await settled();
  };
  episodes = new RelayedEpisodes({
    replicaId,
    own,
    bus: {
      watchChat: (_, listener) => {
        const added = (): void => listener(undefined);
        listeners.add(added);
        return { [Symbol.dispose]: () => void listeners.delete(added) };
      },
    },
    readOwner: () => Promise.resolve(owner),
    peers: {
      streamDeltas: (...given) => {
        const call = new Call(...given);
        calls.push(call);
        return call.over;
      },
    },
    clock,
    random: { fraction: () => 0.5, uuid: () => "", bytes: (length: number) => new Uint8Array(length) },
    logger: silentLogger,
    metrics: new RelayMetrics(noMetrics),
    graceMs: 30_000,
  });
});

function call(index: number): Call {
  const found = calls[index];
  if (found === undefined) throw new Error(`there are ${calls.length} calls`);
  return found;
}

async function watch(): Promise<{ heard: EpisodeLog[]; leave(): void }> {
  const heard: EpisodeLog[] = [];
  const watching = episodes.watch(chatId, (log) => void heard.push(log));
  await settled();
  return { heard, leave: () => watching[Symbol.dispose]() };
}

describe("the episodes of all chats", () => {
  it("are those of the replica that runs the chat, under the same numbers", async () => {
    const { heard } = await watch();
    expect(call(0)).toMatchObject({ url: "http://first", request: { chatId, workerId: "first" } });
    await call(0).answer();
    await call(0).answer(opened(1), said(1n, "a"));
    expect(heard).toEqual([episodes.current(chatId)]);
    expect(heard[0]).toMatchObject({ episode: { historyVersion: 3, generationAttempt: 1 }, lastSeq: 1 });
  });

  it("RELAY-7: goes on where the last call ended", async () => {
    await watch();
    await call(0).answer(opened(1), said(1n, "a"));
    await call(0).end(new ConnectError("cut", Code.Unavailable));
    clock.advance(500);
    await settled();
    expect(call(1).request.after).toEqual({
      episode: { historyVersion: 3n, generationAttempt: 1 },
      seq: 1n,
    });
    await call(1).answer(opened(1, 1n), said(2n, "b"));
    expect(episodes.current(chatId)?.lastSeq).toBe(2);
  });

  it("RELAY-3: are not touched by what a call brings that was given up", async () => {
    const { heard } = await watch();
    owner = at("second");
    await look();
    expect(call(0).signal.aborted).toBe(true);
    await call(1).answer(opened(2), said(1n, "b"));
    await call(0).answer(opened(1), said(1n, "stale"), opened(3));
    expect(heard.map(({ episode }) => episode.generationAttempt)).toEqual([2]);
    expect(episodes.current(chatId)).toMatchObject({ episode: { generationAttempt: 2 }, lastSeq: 1 });
    // Its end is not the end of the present one.
    await call(0).end();
    expect(clock.pending).toBe(0);
    expect(calls).toHaveLength(2);
  });

  it("begin anew when a peer sends what does not continue them", async () => {
    await watch();
    await call(0).answer(opened(1), said(2n, "b"));
    expect(call(0).signal.aborted).toBe(true);
    clock.advance(500);
    await settled();
    expect(call(1).request.after).toBeUndefined();
  });

  it("RELAY-11: are let go when the last watcher leaves", async () => {
    const watchers = [await watch(), await watch()];
    expect(calls).toHaveLength(1);
    await call(0).answer(opened(1));
    watchers[0]?.leave();
    expect(call(0).signal.aborted).toBe(false);
    watchers[1]?.leave();
    watchers[1]?.leave();
    expect(call(0).signal.aborted).toBe(true);
    await call(0).end();
    expect(clock.pending).toBe(0);
    expect(episodes.current(chatId)).toBeUndefined();
  });

  it("are of the latest attempt, where another replica has lost the chat to this one and does not know", async () => {
    const { heard } = await watch();
    await call(0).answer();
    say(own.open(chatId, { historyVersion: 3, generationAttempt: 2 }), "present");
    await call(0).answer(opened(1), said(1n, "past"));
    expect(heard.map(({ episode }) => episode.generationAttempt)).toEqual([2]);
    expect(episodes.current(chatId)?.episode.generationAttempt).toBe(2);
  });

  it("are of the latest attempt, where this replica has lost the chat and does not know", async () => {
    own.open(chatId, { historyVersion: 3, generationAttempt: 1 });
    await watch();
    await call(0).answer(opened(2));
    expect(episodes.current(chatId)?.episode.generationAttempt).toBe(2);
  });
});
