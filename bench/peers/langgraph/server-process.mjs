// The server that `langgraphjs dev` starts, in memory, without what reloads graphs while they are written.
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { startServer } from "@langchain/langgraph-api/server";
import { Client } from "@langchain/langgraph-sdk";
import { servePeer } from "../kit/serve-peer.ts";
import { sources } from "./sources.mjs";

const { host } = await startServer({
  host: "127.0.0.1",
  port: 0,
  nWorkers: 10,
  // Where it stores what it had at its end.
  cwd: process.env.LANGGRAPH_FOLDER,
  graphs: { bench: `${fileURLToPath(new URL("./graph.mjs", import.meta.url))}:graph` },
});
const url = `http://${host}`;
const client = new Client({ apiUrl: url });

servePeer({
  url,
  prepare: async (deltas) => {
    const name = randomUUID();
    sources.set(name, deltas);
    const { thread_id: threadId } = await client.threads.create();
    const { run_id: runId } = await client.runs.create(threadId, "bench", {
      input: { messages: [{ role: "user", content: name }] },
      streamMode: ["messages-tuple"],
      // Otherwise each event goes to one of those who have joined, and is gone.
      streamResumable: true,
    });
    return `/threads/${threadId}/runs/${runId}`;
  },
});
