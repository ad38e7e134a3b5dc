import type { ServerResponse } from "node:http";
import type { Block, Dialect, ResponseContext, ResponseEnd, StreamEncoder, WholeBlock } from "./dialect.js";
import type { HttpError } from "./script.js";

/** Where a script is played to. Each method resolves when what it was given is with the operating system, as far as it is sent at once. */
export interface ResponseOutput {
  /** Whether the status was sent: then there can be no HTTP error any more. */
  readonly isCommitted: boolean;
  open(block: Block): Promise<void>;
  piece(block: Block, piece: string): Promise<void>;
  close(block: Block): Promise<void>;
  raw(bytes: string): Promise<void>;
  /** Sends what was kept back to fill a chunk. */
  flush(): Promise<void>;
  error(type: string, message: string): Promise<void>;
  finish(end: ResponseEnd): Promise<void>;
  /** Ends it as HTTP does, without a word. */
  silentEnd(): Promise<void>;
}

export interface OutputOptions {
  readonly dialect: Dialect;
  readonly context: ResponseContext;
  readonly chunkBytes: readonly number[] | undefined;
}

/** Server-sent events, as the caller wants them when it says `stream: true`. */
export class StreamOutput implements ResponseOutput {
  readonly #response: ServerResponse;
  readonly #encoder: StreamEncoder;
  readonly #sizes: readonly number[];
  #nextSize = 0;
  #kept = Buffer.alloc(0);

  constructor(response: ServerResponse, { dialect, context, chunkBytes = [] }: OutputOptions) {
    this.#response = response;
    this.#encoder = dialect.stream(context);
    this.#sizes = chunkBytes;
  }

  get isCommitted(): boolean {
    return this.#response.headersSent;
  }

  open(block: Block): Promise<void> {
    return this.raw(this.#encoder.open(block));
  }

  piece(block: Block, piece: string): Promise<void> {
    return this.raw(this.#encoder.piece(block, piece));
  }

  close(block: Block): Promise<void> {
    return this.raw(this.#encoder.close(block));
  }

  async raw(bytes: string): Promise<void> {
    if (bytes === "") return;
    await this.#write(Buffer.from(this.#start() + bytes));
  }

  async flush(): Promise<void> {
    if (this.#kept.length === 0) return;
    const rest = this.#kept;
    this.#kept = Buffer.alloc(0);
    await writeChunk(this.#response, rest);
  }

  async error(type: string, message: string): Promise<void> {
    await this.raw(this.#encoder.error(type, message));
    await this.silentEnd();
  }

  async finish(end: ResponseEnd): Promise<void> {
    await this.raw(this.#encoder.finish(end));
    await this.silentEnd();
  }

  async silentEnd(): Promise<void> {
    await this.#write(Buffer.from(this.#start()));
    await this.flush();
    this.#response.end();
  }

  /** The head, before whatever comes first. */
  #start(): string {
    if (this.#response.headersSent) return "";
    this.#response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
    });
    this.#response.flushHeaders();
    return this.#encoder.start();
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#sizes.length === 0) return bytes.length === 0 ? undefined : writeChunk(this.#response, bytes);
    this.#kept = Buffer.concat([this.#kept, bytes]);
    for (let size = this.#size(); this.#kept.length >= size; size = this.#size()) {
      const chunk = this.#kept.subarray(0, size);
      this.#kept = this.#kept.subarray(size);
      this.#nextSize += 1;
      await writeChunk(this.#response, chunk);
    }
  }

  #size(): number {
    return Math.max(this.#sizes[this.#nextSize % this.#sizes.length] ?? 1, 1);
  }
}

/** One JSON object at the end. */
export class WholeOutput implements ResponseOutput {
  readonly isCommitted = false;
  readonly #response: ServerResponse;
  readonly #options: OutputOptions;
  readonly #blocks = new Map<number, { readonly block: Block; content: string }>();
  #garbage = "";

  constructor(response: ServerResponse, options: OutputOptions) {
    this.#response = response;
    this.#options = options;
  }

  async open(block: Block): Promise<void> {
    this.#blocks.set(block.index, { block, content: "" });
  }

  async piece({ index }: Block, piece: string): Promise<void> {
    const known = this.#blocks.get(index);
    if (known !== undefined) known.content += piece;
  }

  async close(): Promise<void> {
    // Nothing to tell: it is all told at the end.
  }

  async raw(bytes: string): Promise<void> {
    this.#garbage += bytes;
  }

  async flush(): Promise<void> {
    // Likewise.
  }

  async error(type: string, message: string): Promise<void> {
    const { dialect } = this.#options;
    const status = type.includes("overloaded") ? 529 : type.includes("rate_limit") ? 429 : 500;
    await sendHttpError(this.#response, dialect, { status, message, type, headers: {} });
  }

  async finish(end: ResponseEnd): Promise<void> {
    this.#send(this.#garbage + this.#body(end));
  }

  async silentEnd(): Promise<void> {
    const body = this.#body({ reason: "stop", usage: this.#options.context.usage });
    this.#send(this.#garbage + body.slice(0, Math.floor(body.length / 2)));
  }

  #body(end: ResponseEnd): string {
    const { dialect, context } = this.#options;
    const blocks: WholeBlock[] = [...this.#blocks.values()].map(({ block, content }) => ({
      ...block,
      content,
    }));
    return JSON.stringify(dialect.whole(context, blocks, end));
  }

  #send(body: string): void {
    this.#response.writeHead(200, { "content-type": "application/json" });
    this.#response.end(body);
  }
}

export async function sendHttpError(
  response: ServerResponse,
  dialect: Pick<Dialect, "errorBody">,
  { status, message, type, headers }: HttpError,
): Promise<void> {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(dialect.errorBody({ status, message, type })));
}

/** One HTTP chunk. Resolves also when the caller is gone: who writes looks for that. */
function writeChunk(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off("close", settle);
      resolve();
    };
    response.once("close", settle);
    response.write(bytes, settle);
  });
}
