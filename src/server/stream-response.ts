import type { Writable } from "node:stream";
import type { Codec, Outlet } from "../fanout/index.js";
import type { HttpResponse } from "./listener.js";

/**
 * The HTTP response of a stream: headers, envelopes, and the end, each written where it is due. What is written after the client has left is
 * dropped. Of HTTP/2 it writes to the stream itself: what the response adds to that is not needed once the headers were sent.
 */
export class StreamResponse implements Outlet {
  readonly codec: Codec;
  readonly #response: HttpResponse;
  readonly #body: Writable;

  constructor(response: HttpResponse, codec: Codec) {
    this.#response = response;
    this.#body = "stream" in response ? response.stream : response;
    this.codec = codec;
  }

  /** Sends the headers, unless they were sent. */
  begin(header: Headers): void {
    if (!this.#response.headersSent && !this.#isGone)
      this.#response.writeHead(200, Object.fromEntries(header));
  }

  write(envelope: Uint8Array): boolean {
    // Of HTTP/1.1, writing after the connection was lost is an error that nobody would hear.
    return !this.#isGone && this.#body.write(envelope);
  }

  onceDrained(callback: () => void): void {
    this.#body.once("drain", callback);
  }

  /** Resolves when there is room for more, or the signal aborts. */
  async send(envelope: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.write(envelope) || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#body.off("drain", done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#body.once("drain", done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  /** Nothing follows but what is given. */
  end(last: Uint8Array | undefined, trailer: Headers | undefined): void {
    if (this.#isGone) return;
    if (last !== undefined) this.write(last);
    if (trailer !== undefined) this.#response.addTrailers(Object.fromEntries(trailer));
    this.#response.end();
  }

  get #isGone(): boolean {
    return this.#body.destroyed;
  }
}
