import { constants } from "node:http2";
import type { HttpRequest } from "./listener.js";

/** How much of an answered request is still read. */
const maxDropBytes = 16 * 1024 * 1024;

/**
 * The bytes of a request, read by at most one reader, who may stop early: unlike Node's own iteration that does not
 * destroy the request, which would cut an HTTP/1.1 connection before the answer is through.
 */
export class RequestBody {
  readonly #request: HttpRequest;
  #beingRead = false;
  #unwanted = false;

  constructor(request: HttpRequest) {
    this.#request = request;
  }

  async *read(): AsyncGenerator<Uint8Array> {
    this.#beingRead = true;
    try {
      for await (const chunk of this.#request.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
    } finally {
      this.#beingRead = false;
      if (this.#unwanted) this.#drop();
    }
  }

  /**
   * Gets rid of what the client still sends although it has its answer: reads it, up to 16 MiB. (Resetting the HTTP/2 stream would be
   * cheaper, but Node's client then counts the unsent rest against its session's memory for good, and soon refuses large requests.)
   * Whoever still reads goes first. May be called again.
   */
  dropRest(): void {
    if (this.#unwanted) return;
    this.#unwanted = true;
    if (!this.#beingRead) this.#drop();
  }

  #drop(): void {
    const request = this.#request;
    if (request.readableEnded || request.destroyed) return;
    let left = maxDropBytes;
    request.on("data", (chunk: Uint8Array) => {
      left -= chunk.byteLength;
      if (left >= 0) return;
      // "Request the client to abort transmission without an error" (RFC 9113, 8.1).
      if ("stream" in request) request.stream.close(constants.NGHTTP2_NO_ERROR);
      else request.destroy();
    });
    // The answer is what matters, not how the request ends.
    request.on("error", () => undefined);
    request.resume();
  }
}
