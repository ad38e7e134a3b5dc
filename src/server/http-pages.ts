import { createAsyncIterable, type UniversalServerResponse } from "@connectrpc/connect/protocol";

/**
 * What the server says to people and plain health checks: `/`, if there is something `about` it to say, and `/healthz`. Undefined for
 * every other path.
 */
export function httpPage(
  method: string,
  path: string,
  { serving, about }: { serving: boolean; about: boolean },
): UniversalServerResponse | undefined {
  if (path !== "/healthz" && !(path === "/" && about)) return undefined;
  if (method !== "GET" && method !== "HEAD") {
    return text(405, "Only GET and HEAD work here.\n", { allow: "GET, HEAD" });
  }
  const page =
    path === "/" ? text(200, aboutText) : serving ? text(200, "serving\n") : text(503, "draining\n");
  if (method === "GET") return page;
  return { status: page.status, ...(page.header && { header: page.header }) };
}

const aboutText = `This is a Palaver server: a durable chat backend for AI agents.

It speaks gRPC, gRPC-Web and Connect (binary and JSON) on this port, for example:

  curl -H 'content-type: application/json' -d '{}' <this address>/palaver.chat.v1.ChatService/ListChats

GET /healthz tells whether it takes calls. gRPC health and reflection are served as well:
'buf curl --list-methods' names what can be called. docs/protocol.md describes the protocol.
`;

function text(status: number, body: string, header?: Record<string, string>): UniversalServerResponse {
  return {
    status,
    header: new Headers({
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
      ...header,
    }),
    body: createAsyncIterable([new TextEncoder().encode(body)]),
  };
}
