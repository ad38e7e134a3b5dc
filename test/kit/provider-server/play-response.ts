import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Dialect, EncodedCall, ResponseEncoder } from "./dialect.js";
import type { ProviderResponse, ProviderStep } from "./script.js";
import type { ModelScript } from "./script-book.js";

export interface Playing {
  readonly response: ProviderResponse;
  readonly dialect: Dialect;
  readonly encoder: ResponseEncoder;
  readonly script: ModelScript;
  readonly serial: string;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** Called right before we reset the connection, so that this is not taken for the client's doing. */
  readonly onReset: () => void;
}

/** Says what the response's steps say. Resolves when the response is ended or reset; rejects when the client leaves. */
export async function playResponse(res: ServerResponse, playing: Playing): Promise<void> {
  const { response, dialect, encoder, script, serial, signal } = playing;
  const stream = new EventStreamWriter(res, response.chunkBytes, encoder);
  let open: { kind: "text" } | { kind: "reasoning"; signature: string | undefined } | undefined;
  let calls = 0;

  const closeBlock = (): string => {
    const closed = open;
    open = undefined;
    if (closed === undefined) return "";
    return closed.kind === "text" ? encoder.endText() : encoder.endReasoning(closed.signature);
  };
  const pass = async (name: string): Promise<void> => {
    await stream.flush();
    const gate = script.gate(name);
    gate.reached.set();
    await unlessAborted(gate.opened.promise, signal);
  };

  for (const step of response.steps) {
    signal.throwIfAborted();
    switch (step.kind) {
      case "text":
        if (open?.kind !== "text") stream.push(closeBlock());
        open = { kind: "text" };
        for (const delta of cut(step.text, step.chunk)) stream.push(encoder.text(delta));
        break;
      case "reasoning":
        if (open?.kind !== "reasoning") stream.push(closeBlock());
        if (step.redacted !== undefined) {
          stream.push(closeBlock() + encoder.redactedReasoning(step.redacted));
          break;
        }
        open = {
          kind: "reasoning",
          signature: step.signature ?? (open?.kind === "reasoning" ? open.signature : undefined),
        };
        for (const delta of step.text === "" ? [] : cut(step.text, step.chunk))
          stream.push(encoder.reasoning(delta));
        break;
      case "toolCall": {
        stream.push(closeBlock());
        const call: EncodedCall = {
          id: step.id ?? `call_${serial}_${String(calls)}`,
          name: step.name,
          signature: step.signature,
        };
        calls += 1;
        stream.push(encoder.startCall(call));
        const deltas = cutArguments(step);
        for (const [index, delta] of deltas.entries()) {
          if (step.gate !== undefined && index === Math.ceil(deltas.length / 2)) await pass(step.gate);
          stream.push(encoder.args(call, delta));
        }
        stream.push(encoder.endCall(call, step.argsJson));
        break;
      }
      case "webSearch":
        stream.push(
          closeBlock() +
            encoder.webSearch({
              id: step.id ?? `srvtoolu_${serial}`,
              query: step.query,
              results: step.results,
            }),
        );
        break;
      case "gate":
        await pass(step.name);
        break;
      case "httpError":
        res.writeHead(step.status, { "content-type": "application/json", ...step.headers });
        res.end(
          step.body ??
            JSON.stringify(
              dialect.errorBody({ status: step.status, message: step.message, code: step.code }),
            ),
        );
        return;
      case "streamError":
        stream.push(encoder.error(step.code, step.message));
        await stream.end();
        return;
      case "malformed":
        stream.push(step.raw);
        break;
      case "reset":
        await stream.flush();
        playing.onReset();
        res.socket?.resetAndDestroy();
        return;
      case "stall":
        await stream.flush();
        await unlessAborted(new Promise<never>(() => undefined), signal);
        break;
      case "eof":
        await stream.end();
        return;
      case "finish":
        stream.push(closeBlock() + encoder.finish(step.reason));
        await stream.end();
        return;
      default:
        step satisfies never;
    }
  }
  stream.push(closeBlock() + encoder.finish(calls > 0 ? "tool-calls" : "stop"));
  await stream.end();
}

/** Cuts the bytes of a stream into pieces, each its own HTTP chunk. Sends the head, and the dialect's first events, with the first content. */
class EventStreamWriter {
  readonly #res: ServerResponse;
  readonly #sizes: readonly number[];
  readonly #encoder: ResponseEncoder;
  #next = 0;
  #buffered = Buffer.alloc(0);

  constructor(res: ServerResponse, sizes: readonly number[] | undefined, encoder: ResponseEncoder) {
    this.#res = res;
    this.#sizes = sizes ?? [];
    this.#encoder = encoder;
  }

  push(events: string): void {
    if (events === "") return;
    const first = this.#head();
    if (this.#sizes.length === 0) {
      this.#res.write(first + events);
      return;
    }
    this.#buffered = Buffer.concat([this.#buffered, Buffer.from(first + events)]);
    for (let size = this.#size(); this.#buffered.length >= size; size = this.#size()) {
      this.#res.write(this.#buffered.subarray(0, size));
      this.#buffered = this.#buffered.subarray(size);
      this.#next += 1;
    }
  }

  /** Resolves when everything is with the operating system. */
  async flush(): Promise<void> {
    if (!this.#res.headersSent) return;
    if (this.#buffered.length > 0) this.#res.write(this.#buffered);
    this.#buffered = Buffer.alloc(0);
    if (this.#res.writableNeedDrain) await Promise.race([once(this.#res, "drain"), once(this.#res, "close")]);
  }

  async end(): Promise<void> {
    const first = this.#head();
    if (first !== "") this.#res.write(first);
    await this.flush();
    this.#res.end();
  }

  #head(): string {
    if (this.#res.headersSent) return "";
    this.#res.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
    });
    return this.#encoder.start();
  }

  #size(): number {
    return Math.max(this.#sizes[this.#next % this.#sizes.length] ?? 1, 1);
  }
}

function cut(text: string, chunk: number | undefined): string[] {
  const codePoints = Array.from(text);
  const size = chunk ?? Math.max(codePoints.length, 1);
  return Array.from({ length: Math.max(Math.ceil(codePoints.length / size), 1) }, (_, index) =>
    codePoints.slice(index * size, (index + 1) * size).join(""),
  );
}

/** At least two pieces where there is a gate between them. */
function cutArguments(step: Extract<ProviderStep, { kind: "toolCall" }>): string[] {
  const half = Math.ceil(Array.from(step.argsJson).length / 2);
  return cut(
    step.argsJson,
    step.gate === undefined ? step.chunk : Math.max(Math.min(step.chunk ?? half, half), 1),
  );
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return await new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(new Error("the client left"));
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject);
  });
}
