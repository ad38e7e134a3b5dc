import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";

export interface SseRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface SseEvent {
  readonly name: string;
  readonly data: string;
  readonly id: string;
  /** Characters, with the empty line after it. */
  readonly length: number;
}

export interface SseSink {
  /** The server has answered. */
  readonly opened?: () => void;
  readonly event: (event: SseEvent) => void;
}

/** Server-sent events, on a connection of their own, with nothing but node:http. */
export async function readSse(
  { url, method = "GET", headers = {}, body = "", signal }: SseRequest,
  { opened, event }: SseSink,
): Promise<void> {
  const request = httpRequest(url, { method, headers, agent: false, signal });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode ?? ""}`);
  opened?.();
  const parse = sseParser(event);
  for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) parse(chunk);
}

/** Takes a stream of server-sent events piece by piece. */
export function sseParser(event: SseSink["event"]): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const text = rest + chunk;
    let at = 0;
    for (let end = text.indexOf("\n\n", at); end !== -1; end = text.indexOf("\n\n", at)) {
      event(parseEvent(text.slice(at, end)));
      at = end + 2;
    }
    rest = text.slice(at);
  };
}

function parseEvent(lines: string): SseEvent {
  let name = "";
  let data: string | undefined;
  let id = "";
  for (const line of lines.split("\n")) {
    const colon = line.indexOf(":");
    const field = line.slice(0, colon);
    const value = line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") name = value;
    else if (field === "id") id = value;
    else if (field === "data") data = data === undefined ? value : `${data}\n${value}`;
  }
  return { name, data: data ?? "", id, length: lines.length + 2 };
}
