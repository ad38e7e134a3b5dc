// Readers of UI message streams: the transport that useChat has, up to its chunks. Messages are not put together from them, as
// readUIMessageStream would for each chunk anew.
import { DefaultChatTransport } from "ai";
import { readSse } from "../kit/read-sse.ts";
import { serveReaders } from "../kit/serve-readers.ts";

const messages = [{ id: "message-1", role: "user", parts: [{ type: "text", text: "go" }] }];

function take(chunk, { live, text }) {
  if (chunk.type === "text-start") live();
  if (chunk.type === "text-delta") text(chunk.delta);
}

serveReaders({
  own: async (reading) => {
    const transport = new DefaultChatTransport({ api: reading.url });
    const chunks = await transport.sendMessages({
      trigger: "submit-message",
      chatId: reading.address,
      messageId: undefined,
      messages,
      abortSignal: reading.signal,
    });
    for await (const chunk of chunks) take(chunk, reading);
  },
  raw: (reading) => {
    const { url, address: id, signal } = reading;
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ id, messages, trigger: "submit-message" });
    return readSse(
      { url, method: "POST", headers, body, signal },
      { event: ({ data }) => data !== "[DONE]" && take(JSON.parse(data), reading) },
    );
  },
});
