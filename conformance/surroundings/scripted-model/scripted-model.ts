import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { anthropicDialect } from "./anthropic-dialect.js";
import { type Dialect, isObject, type RequestBody } from "./dialect.js";
import { Latch } from "./latch.js";
import type {
  HowCallEnded,
  ModelCall,
  ModelCallEnd,
  ModelEvent,
  SentPiece,
  StrayRequest,
} from "./model-call.js";
import { openAiDialect } from "./openai-dialect.js";
import { playSteps, usageOf } from "./play.js";
import { sendHttpError, StreamOutput, WholeOutput } from "./response-output.js";
import { type ModelScript, WrittenScript } from "./model-script.js";
import type { ModelResponse, Step } from "./script.js";

export interface ScriptedModelOptions {
  /** Told of everything that happens, in order. */
  readonly onEvent?: ((event: ModelEvent) => void) | undefined;
  /** The clock of all times; milliseconds. */
  readonly now?: (() => number) | undefined;
  /** Where it listens, for targets that were told so before it started. Default: any free port of 127.0.0.1. */
  readonly listen?: { readonly host: string; readonly port: number } | undefined;
  /** The largest request that is read. */
  readonly maxRequestBytes?: number | undefined;
  /** How many calls one script takes and records; more are refused. Stops a target that never gives up from filling the memory. */
  readonly maxCallsPerScript?: number | undefined;
}

/** A model whose answers are written down beforehand: an HTTP server that speaks as providers of models do. */
export interface ScriptedModel extends AsyncDisposable {
  /**
   * The base URL for a replica, or for whoever is to be told apart: what a target takes as the base URL of OpenAI's or Anthropic's interface, with or
   * without `/v1` after it.
   */
  baseUrl(replica: string): string;
  /** Writes a script. Each response answers one call, in the order in which calls come. */
  script(...responses: readonly (readonly Step[] | ModelResponse)[]): ModelScript;
  /** All calls so far, in the order in which they began. */
  readonly calls: readonly ModelCall[];
  /** What no script was written for. */
  readonly strays: readonly StrayRequest[];
}

const dialects: readonly Dialect[] = [openAiDialect, anthropicDialect];
const markers = /\[\[script:([A-Za-z0-9_-]{1,64})\]\]/g;

/** @throws when it cannot listen there */
export async function startScriptedModel(options: ScriptedModelOptions = {}): Promise<ScriptedModel> {
  const model = new Model(options);
  await model.listen();
  return model;
}

type RunningCall = { -readonly [Field in keyof ModelCall]: ModelCall[Field] } & { sent: SentPiece[] };

class Model implements ScriptedModel {
  readonly calls: ModelCall[] = [];
  readonly strays: StrayRequest[] = [];
  readonly #scripts = new Map<string, WrittenScript>();
  readonly #closed = new AbortController();
  readonly #onEvent: (event: ModelEvent) => void;
  readonly #now: () => number;
  readonly #maxRequestBytes: number;
  readonly #maxCalls: number;
  readonly #listen: { readonly host: string; readonly port: number };
  readonly #running = new Set<Promise<void>>();
  readonly #server = createServer((request, response) => {
    // A failure in here is a fault of this program: nobody catches it.
    const running = this.#handle(request, response).finally(() => this.#running.delete(running));
    this.#running.add(running);
  });

  constructor({
    onEvent = () => undefined,
    now = () => performance.now(),
    maxRequestBytes = 64 * 1024 * 1024,
    maxCallsPerScript = 1_000,
    listen = { host: "127.0.0.1", port: 0 },
  }: ScriptedModelOptions) {
    this.#onEvent = onEvent;
    this.#now = now;
    this.#maxRequestBytes = maxRequestBytes;
    this.#maxCalls = maxCallsPerScript;
    this.#listen = listen;
  }

  async listen(): Promise<void> {
    this.#server.on("connection", (socket) => socket.setNoDelay(true));
    // A connection that ends for its idleness just when a caller uses it again would be a failed attempt that no case has asked for.
    this.#server.keepAliveTimeout = 0;
    this.#server.listen(this.#listen);
    await once(this.#server, "listening");
  }

  baseUrl(replica: string): string {
    const { port } = this.#server.address() as AddressInfo;
    if (!/^[A-Za-z0-9_-]+$/.test(replica)) throw new Error(`${replica} cannot stand in a path`);
    return `http://${this.#listen.host}:${port}/m/${replica}`;
  }

  script(...responses: readonly (readonly Step[] | ModelResponse)[]): ModelScript {
    const script = new WrittenScript(this.#closed.signal, (gate) =>
      this.#onEvent({ kind: "gateOpened", atMs: this.#now(), script: script.name, gate }),
    );
    script.add(...responses);
    this.#scripts.set(script.name, script);
    return script;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new Error("the scripted model was closed"));
    this.#server.close();
    this.#server.closeAllConnections();
    await Promise.all(this.#running);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://model").pathname;
    let rawBody: string | undefined;
    try {
      rawBody = await readBody(request, this.#maxRequestBytes);
    } catch {
      // The caller left before it had asked.
      return void response.destroy();
    }
    const route = routeOf(request.method, path);
    const stray = (status: number, why: string): Promise<void> => {
      const record = {
        atMs: this.#now(),
        method: request.method ?? "",
        path,
        why,
        rawBody: rawBody?.slice(0, 64 * 1024) ?? "",
      };
      this.strays.push(record);
      this.#onEvent({ kind: "stray", atMs: record.atMs, request: record });
      const { dialect = openAiDialect } = route ?? {};
      return sendHttpError(response, dialect, { status, message: why, type: undefined, headers: {} });
    };

    if (rawBody === undefined) return stray(413, `more than ${this.#maxRequestBytes} bytes`);
    if (route === undefined)
      return stray(404, `${request.method ?? ""} ${path} is none of the model's paths`);
    const body = parseBody(rawBody);
    if (body === undefined) return stray(400, "the body is no JSON object");
    const name = newestMarker(route.dialect.newestUserTexts(body));
    const script = name === undefined ? undefined : this.#scripts.get(name);
    if (script === undefined)
      return stray(
        400,
        name === undefined ? "the newest user text names no script" : `there is no script ${name}`,
      );
    if (script.calls.length >= this.#maxCalls)
      return stray(400, `script ${script.name} was called ${this.#maxCalls} times`);
    const next = script.responses[script.calls.length];
    if (next === undefined)
      return stray(400, `script ${script.name} has no response for call ${script.calls.length}`);

    await this.#answer(response, next, script, { ...route, headers: request.headers, body, rawBody });
  }

  async #answer(
    response: ServerResponse,
    { steps, chunkBytes }: ModelResponse,
    script: WrittenScript,
    { dialect, ...asked }: Route & Pick<ModelCall, "headers" | "body" | "rawBody">,
  ): Promise<void> {
    const ended = new Latch<ModelCallEnd>();
    const call: RunningCall = {
      ...asked,
      id: `${process.pid.toString(36)}${this.calls.length.toString(36)}`,
      script: script.name,
      index: script.calls.length,
      dialect: dialect.name,
      beganAtMs: this.#now(),
      sent: [],
      end: undefined,
      ended: (waiting) => ended.wait(waiting),
    };
    const end = (how: HowCallEnded): void => {
      if (call.end !== undefined) return;
      call.end = { atMs: this.#now(), how };
      this.#onEvent({ kind: "callEnded", atMs: call.end.atMs, call, end: call.end });
      ended.set(call.end);
    };
    const left = new AbortController();
    let intended: HowCallEnded | undefined;
    response.once("close", () => {
      left.abort(new Error("the caller left"));
      end(
        this.#closed.signal.aborted
          ? "closed"
          : response.writableFinished || intended === "cut"
            ? (intended ?? "cut")
            : "aborted",
      );
    });
    this.calls.push(call);
    script.arrive(call);
    this.#onEvent({ kind: "callBegan", atMs: call.beganAtMs, call });

    const Output = call.body["stream"] === true ? StreamOutput : WholeOutput;
    const context = { serial: call.id, body: call.body, usage: usageOf(steps) };
    const output = new Output(response, { dialect, context, chunkBytes });
    try {
      intended = await playSteps(steps, {
        output,
        serial: call.id,
        signal: left.signal,
        pass: (gate) => {
          this.#onEvent({ kind: "gateReached", atMs: this.#now(), call, gate });
          return script.pass(gate, call, left.signal);
        },
        onSent: (said) => {
          const piece = { ...said, atMs: this.#now() };
          call.sent.push(piece);
          this.#onEvent({ kind: "sent", atMs: piece.atMs, call, piece });
        },
        refuse: (error) => sendHttpError(response, dialect, error),
        reset: () => {
          intended = "cut";
          response.socket?.resetAndDestroy();
        },
      });
    } catch (error) {
      // Whoever left does not get the rest.
      if (!left.signal.aborted) throw error;
    }
    await ended.wait();
  }
}

interface Route {
  readonly dialect: Dialect;
  readonly replica: string;
}

function routeOf(method: string | undefined, path: string): Route | undefined {
  const [, replica, rest] = /^\/m\/([A-Za-z0-9_-]+)(?:\/v1)?(\/.*)$/.exec(path) ?? [];
  const dialect = dialects.find((candidate) => candidate.path === rest);
  if (method !== "POST" || replica === undefined || dialect === undefined) return undefined;
  return { dialect, replica };
}

/** The last of them: a prompt may join several messages of a user into one. */
function newestMarker(texts: readonly string[]): string | undefined {
  return [...texts.join("\n").matchAll(markers)].at(-1)?.[1];
}

/** Undefined when it is longer than that. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Read to its end all the same, so that the caller reads the answer.
    if (length <= maxBytes) chunks.push(chunk);
  }
  return length > maxBytes ? undefined : Buffer.concat(chunks).toString("utf8");
}

function parseBody(rawBody: string): RequestBody | undefined {
  try {
    const body: unknown = JSON.parse(rawBody);
    return isObject(body) ? body : undefined;
  } catch {
    return undefined;
  }
}
