// Readers of a LangGraph run: they join its stream.
import { Client } from "@langchain/langgraph-sdk";
import { readSse } from "../kit/read-sse.ts";
import { serveReaders } from "../kit/serve-readers.ts";

function take({ event, data, id }, { live, text }) {
  // The first that a run says.
  if (event === "metadata") live();
  if (event === "error") throw new Error(JSON.stringify(data));
  if (event === "messages" && data[0].type === "ai") text(data[0].content, id);
}

serveReaders({
  own: async (reading) => {
    const { url, address, from, signal, live } = reading;
    const [, , threadId, , runId] = address.split("/");
    const client = new Client({ apiUrl: url });
    const options = { signal, lastEventId: from ?? "-1", streamMode: ["messages-tuple"] };
    if (from !== undefined) live();
    for await (const item of client.runs.joinStream(threadId, runId, options)) take(item, reading);
  },
  raw: (reading) => {
    const { url, address, signal } = reading;
    return readSse(
      { url: `${url}${address}/stream`, headers: { "last-event-id": "-1" }, signal },
      { event: ({ name, data, id }) => take({ event: name, data: JSON.parse(data), id }, reading) },
    );
  },
});
