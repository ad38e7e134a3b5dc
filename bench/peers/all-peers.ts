import { Resources } from "../run/resources.js";
import { comparePeer, type Peer } from "./kit/compare-peer.js";
import { peerTarget, startModule, type Target } from "./kit/target.js";
import { startRedis } from "./resumable-stream/redis-server.js";

/** Its server in memory, and a producer beside it. */
async function startDurableStreams(append: "producer" | "each"): Promise<Target> {
  const folder = "durable-streams";
  const server = startModule(`${folder}/server-process.mjs`);
  try {
    const producer = startModule(`${folder}/producer-process.mjs`, {
      DURABLE_STREAMS_URL: await server.ask<string>("url"),
      DURABLE_STREAMS_APPEND: append,
    });
    return await peerTarget({ folder, server, producer });
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

async function startResumableStream(): Promise<Target> {
  const folder = "resumable-stream";
  const resources = new Resources();
  try {
    const redis = resources.use(await startRedis());
    const server = startModule(`${folder}/server-process.mjs`, { REDIS_URL: redis.url });
    const target = resources.use(await peerTarget({ folder, server, elsewhereUs: redis.cpuUs }));
    return { ...target, [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose]() };
  } catch (error) {
    await resources[Symbol.asyncDispose]();
    throw error;
  }
}

const peers: readonly Peer[] = [
  {
    id: "durable-streams",
    title: "Durable Streams in memory, the client's producer",
    start: () => startDurableStreams("producer"),
    deltas: { 1: 20_000, 10: 10_000, 100: 4_000 },
    bar: 3,
  },
  {
    id: "durable-streams-each",
    title: "Durable Streams in memory, each append acknowledged before the next",
    start: () => startDurableStreams("each"),
    deltas: { 1: 3_000, 10: 1_000, 100: 300 },
    bar: 3,
  },
  {
    id: "resumable-stream",
    title: "resumable-stream with Redis, over server-sent events",
    start: startResumableStream,
    deltas: { 1: 10_000, 10: 3_000, 100: 500 },
  },
  {
    id: "langgraph",
    title: "the LangGraph JS server in memory, runs that are joined",
    start: ({ folder }) =>
      peerTarget({
        folder: "langgraph",
        server: startModule("langgraph/server-process.mjs", { LANGGRAPH_FOLDER: folder, LOG_LEVEL: "error" }),
      }),
    deltas: { 1: 1_000, 10: 300, 100: 60 },
  },
  {
    id: "ai-sdk",
    title: "UI message streams of the AI SDK over server-sent events, a request for each reader",
    start: () => peerTarget({ folder: "ai-sdk", server: startModule("ai-sdk/server-process.mjs") }),
    deltas: { 1: 10_000, 10: 2_000, 100: 250 },
    bar: 7,
    resumes: false,
  },
];

export const allPeers = peers.map(comparePeer);
