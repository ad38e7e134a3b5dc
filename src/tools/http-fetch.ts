import { lookup as dnsLookup } from "node:dns";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { z } from "zod";
import type { Clock } from "../platform/index.js";
import { defineTool, type Tool } from "./tool.js";

const timeoutMs = 15_000;
const maxRedirects = 5;
/** What is read of a body. A result holds 32 KiB of text in all; more than this would be read for nothing. */
const maxBodyBytes = 24 * 1024;

export interface HttpFetchOptions {
  /** Judges an IP address before anything is sent to it. */
  readonly mayReach: (address: string) => boolean;
  /** Resolves names; for tests. The system's resolver by default. */
  readonly lookup?: typeof dnsLookup;
}

/**
 * Lets the model read the web: GET only, text only, and only addresses that the options allow.
 *
 * The model's words may come from a web page that somebody prepared, so what this machine alone can reach must stay out of reach.
 * Addresses are judged where the connection is made, after resolution: a name that resolves differently the second time, or
 * a redirect, leads nowhere else.
 */
export function createHttpFetch(options: HttpFetchOptions): Tool {
  return defineTool({
    name: "http_fetch",
    description:
      "Fetches a text document (a web page, JSON, …) from a public http or https URL with GET and returns its status, content type and text.",
    input: z.object({ url: z.string().describe("The absolute URL, beginning with http:// or https://.") }),
    idempotent: true,
    run: ({ url }, { signal, clock }) => fetchWithinLimit(url, options, signal, clock),
  });
}

interface FetchedDocument {
  readonly status: number;
  /** Where the redirects led; absent when there were none. */
  readonly final_url?: string;
  readonly content_type: string;
  readonly body: string;
  readonly truncated: boolean;
}

async function fetchWithinLimit(
  url: string,
  options: HttpFetchOptions,
  signal: AbortSignal,
  clock: Clock,
): Promise<FetchedDocument> {
  const limit = new AbortController();
  const stop = (): void => limit.abort();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const timedOut = new Error(`There was no complete answer within ${timeoutMs / 1000} seconds.`);
  using _timer = clock.timer(timeoutMs, () => limit.abort(timedOut));
  try {
    return await fetchDocument(url, options, limit.signal);
  } catch (error) {
    if (limit.signal.reason === timedOut) throw timedOut;
    if (signal.aborted) throw new Error("The request was stopped.", { cause: error });
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stop(); // Whatever is still open, a body that was not read to its end for example.
  }
}

async function fetchDocument(
  url: string,
  options: HttpFetchOptions,
  signal: AbortSignal,
): Promise<FetchedDocument> {
  let target = readUrl(url);
  for (let redirects = 0; ; redirects++) {
    const response = await get(target, options, signal);
    const location = redirectOf(response);
    if (location === undefined) {
      const document = await readDocument(response);
      return redirects === 0 ? document : { ...document, final_url: target.href };
    }
    response.destroy();
    if (redirects === maxRedirects) throw new Error(`There were more than ${maxRedirects} redirects.`);
    target = readUrl(location, target);
  }
}

function readUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) throw new Error("That is not an absolute URL.");
  const url = new URL(text, base);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new Error("Only http and https URLs can be fetched.");
  if (url.username !== "" || url.password !== "")
    throw new Error("URLs with a user name or password cannot be fetched.");
  return url;
}

function redirectOf(response: IncomingMessage): string | undefined {
  return [301, 302, 303, 307, 308].includes(response.statusCode ?? 0) ? response.headers.location : undefined;
}

function get(url: URL, options: HttpFetchOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // The URL parser has made 127.1, 0x7f000001 and 2130706433 into 127.0.0.1 already.
  if (isIP(host) !== 0 && !options.mayReach(host)) return Promise.reject(notPublic(host));
  return new Promise((resolve, reject) => {
    const request = url.protocol === "https:" ? httpsRequest : httpRequest;
    request(url, {
      method: "GET",
      agent: false, // No connection outlives its request or serves another name.
      lookup: checkedLookup(options),
      signal,
      headers: {
        accept: "text/*, application/json, application/xml;q=0.9, */*;q=0.1",
        "accept-encoding": "identity",
        "user-agent": "palaver",
      },
    })
      .once("response", resolve)
      .on("error", (error) => reject(unreachable(host, error)))
      .end();
  });
}

/** Resolves a name to those of its addresses that may be reached; the connection goes to one of them and nowhere else. */
function checkedLookup(options: HttpFetchOptions): LookupFunction {
  const resolve = options.lookup ?? dnsLookup;
  return (hostname, lookupOptions, callback) => {
    resolve(hostname, { ...lookupOptions, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const allowed = addresses.filter(({ address }) => options.mayReach(address));
      const [first] = allowed;
      if (first === undefined) return callback(notPublic(hostname), []);
      if (lookupOptions.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

class NotPublicError extends Error {}

function notPublic(host: string): Error {
  return new NotPublicError(`${host} is not on the public internet; this tool reaches nothing else.`);
}

/** Says what happened without the address that was tried: the name is all the model asked for. */
function unreachable(host: string, error: Error & { code?: string }): Error {
  if (error instanceof NotPublicError) return error;
  const what = error.code === "ENOTFOUND" ? "there is no such host" : (error.code ?? "the connection failed");
  return new Error(`Could not reach ${host}: ${what}.`, { cause: error });
}

async function readDocument(response: IncomingMessage): Promise<FetchedDocument> {
  const status = response.statusCode ?? 0;
  const contentType = response.headers["content-type"] ?? "";
  const encoding = response.headers["content-encoding"] ?? "identity";
  const isEmpty = status === 204 || status === 304 || response.headers["content-length"] === "0";
  if (isEmpty) return { status, content_type: contentType, body: "", truncated: false };
  if (!isText(contentType))
    throw new Error(
      `The document is not text: its content type is ${contentType === "" ? "not given" : contentType}.`,
    );
  if (encoding !== "identity")
    throw new Error("The server sent the document compressed, although it was asked not to.");
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBodyBytes) break;
  }
  const truncated = bytes > maxBodyBytes;
  // As a stream that goes on, a code point that was cut in two is left out.
  const body = decoderFor(contentType).decode(Buffer.concat(chunks).subarray(0, maxBodyBytes), {
    stream: truncated,
  });
  return { status, content_type: contentType, body, truncated };
}

function isText(contentType: string): boolean {
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  return (
    type.startsWith("text/") ||
    /^application\/(.+\+)?(json|xml|x?html|javascript|x-ndjson|(x-)?yaml|toml)$/.test(type)
  );
}

function decoderFor(contentType: string): InstanceType<typeof TextDecoder> {
  const charset = /charset="?([\w.:-]+)/i.exec(contentType)?.[1];
  try {
    return new TextDecoder(charset ?? "utf-8");
  } catch {
    return new TextDecoder("utf-8");
  }
}
