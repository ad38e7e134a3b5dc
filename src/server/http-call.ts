import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import type { HttpRequest, HttpResponse } from "./listener.js";
import { RequestBody } from "./request-body.js";

/** What becomes of a call whose HTTP request or response is gone. Nobody gets to see it. */
const gone = new ConnectError("the call is over", Code.Canceled);

/** Aborts when the response is through, or the client is gone, whichever comes first. */
export function abortAtClose(response: HttpResponse): AbortController {
  const controller = new AbortController();
  response.once("close", () => controller.abort(gone));
  return controller;
}

/** The bytes of a request. What nobody has read of it when the response is through is dropped. */
export function bodyOf(request: HttpRequest, response: HttpResponse): RequestBody {
  const body = new RequestBody(request);
  // Of HTTP/2, the response itself "finishes" only when the request has ended too.
  ("stream" in response ? response.stream : response).once("finish", () => body.dropRest());
  return body;
}

/** A request as Connect's handlers take it. Undefined when it names no authority, or none that makes a URL. */
export function universalRequest(
  request: HttpRequest,
  { body, signal }: { readonly body: RequestBody; readonly signal: AbortSignal },
): UniversalServerRequest | undefined {
  const { httpVersion, method = "", socket } = request;
  const scheme = "encrypted" in socket ? "https" : "http";
  const authority = authorityOf(request);
  const path = request.url ?? "";
  if (authority === undefined || !URL.canParse(path, `${scheme}://${authority}`)) return undefined;
  const { href: url } = new URL(path, `${scheme}://${authority}`);
  return { httpVersion, method, url, header: headersOf(request), body: body.read(), signal };
}

export function authorityOf(request: HttpRequest): string | undefined {
  return "authority" in request ? request.authority : request.headers.host;
}

function headersOf(request: HttpRequest): Headers {
  const header = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // Of HTTP/2, what is no header.
    if (name.startsWith(":") || value === undefined) continue;
    for (const each of typeof value === "string" ? [value] : value) header.append(name, each);
  }
  return header;
}
