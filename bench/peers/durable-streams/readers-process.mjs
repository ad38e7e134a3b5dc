// Readers of Durable Streams, over server-sent events.
import { stream } from "@durable-streams/client";
import { readSse } from "../kit/read-sse.ts";
import { serveReaders } from "../kit/serve-readers.ts";

serveReaders({
  own: async ({ url, address, from, signal, live, text }) => {
    const response = await stream({
      url: url + address,
      offset: from ?? "-1",
      live: "sse",
      json: true,
      signal,
    });
    live();
    response.subscribeJson(async ({ items, offset }) => text(items.join(""), offset));
    await response.closed;
  },
  raw: ({ url, address, signal, live, text }) =>
    readSse(
      { url: `${url}${address}?offset=-1&live=sse`, signal },
      {
        event: ({ name, data }) => {
          if (name === "data") text(JSON.parse(data).join(""));
          else live();
        },
      },
    ),
});
