// resumable-stream has no client: a reader is whoever fetches server-sent events, and counts characters so as to go on after them.
import { readSse, sseParser } from "../kit/read-sse.ts";
import { serveReaders } from "../kit/serve-readers.ts";

serveReaders({
  own: async ({ url, address, from, signal, live, text }) => {
    const response = await fetch(`${url}${address}${from === undefined ? "" : `?resumeAt=${from}`}`, {
      signal,
    });
    if (response.status !== 200) throw new Error(`answered ${response.status}`);
    live();
    let position = Number(from ?? 0);
    const parse = sseParser(({ data, length }) => {
      position += length;
      text(JSON.parse(data), String(position));
    });
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) parse(chunk);
  },
  raw: ({ url, address, signal, live, text }) =>
    readSse({ url: url + address, signal }, { opened: live, event: ({ data }) => text(JSON.parse(data)) }),
});
