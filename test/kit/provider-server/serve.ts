import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Dialect } from "./dialect.js";
import { anthropic } from "./dialects/anthropic.js";
import { google } from "./dialects/google.js";
import { compatible, openAiChat } from "./dialects/openai-chat.js";
import { openAiResponses } from "./dialects/openai-responses.js";
import { playResponse } from "./play-response.js";
import type { ProviderResponse, ScriptedUsage } from "./script.js";
import { ModelScript, type RequestEnd, recordOf } from "./script-book.js";

const dialects: readonly Dialect[] = [openAiResponses, openAiChat, compatible, anthropic, google];
const defaultUsage: ScriptedUsage = { input: 10, output: 5 };

/** The server: providers' dialects under their own paths, and `POST /_control/<operation>` for the tests. */
export function createProviderServer(): Server {
  const scripts = new Map<string, ModelScript>();
  let serials = 0;
  const scriptOf = (model: string): ModelScript => {
    let script = scripts.get(model);
    if (script === undefined) scripts.set(model, (script = new ModelScript()));
    return script;
  };

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const rawBody = await readText(req);
    const body: unknown = rawBody === "" ? {} : JSON.parse(rawBody);
    const operation = /^\/_control\/(\w+)$/.exec(req.url ?? "")?.[1];
    if (operation !== undefined) return answerControl(res, operation, body as ControlRequest);
    for (const dialect of dialects) {
      const model = req.method === "POST" ? dialect.matches(req, body) : undefined;
      if (model !== undefined) {
        return answerModel(req, res, dialect, model, { rawBody, body: body as Record<string, unknown> });
      }
    }
    sendJson(res, 404, {
      error: {
        message: `The provider test server has no ${req.method ?? ""} ${req.url ?? ""}`,
        type: "not_found",
        code: null,
      },
    });
  }

  async function answerModel(
    req: IncomingMessage,
    res: ServerResponse,
    dialect: Dialect,
    model: string,
    { body, rawBody }: { readonly body: Record<string, unknown>; readonly rawBody: string },
  ): Promise<void> {
    serials += 1;
    const serial = `${process.pid.toString(36)}${serials.toString(36)}`;
    const script = scriptOf(model);
    const { entry, response } = script.arrive({
      id: serial,
      model,
      dialect: dialect.name,
      path: req.url ?? "",
      headers: req.headers,
      body,
      rawBody,
    });
    const gone = new AbortController();
    let doing: RequestEnd | undefined;
    res.on("close", () => {
      entry.ended.set(doing ?? (res.writableFinished ? "completed" : "aborted by client"));
      gone.abort();
    });
    if (response === undefined) {
      const message = `No response is scripted for request ${String(entry.request.index + 1)} to the test model ${model}`;
      sendJson(res, 400, dialect.errorBody({ status: 400, message, code: undefined }));
      return;
    }
    const usage = response.steps.find((step) => step.kind === "finish")?.usage ?? defaultUsage;
    const encoder = dialect.encode({ model, body, usage, serial });
    try {
      const onReset = (): void => {
        doing = "reset by script";
      };
      await playResponse(res, { response, dialect, encoder, script, serial, signal: gone.signal, onReset });
    } catch (error) {
      if (gone.signal.aborted) return;
      doing = "failed";
      process.stderr.write(
        `provider test server: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
      res.destroy();
    }
  }

  async function answerControl(
    res: ServerResponse,
    operation: string,
    request: ControlRequest,
  ): Promise<void> {
    const answer = await control(operation, request);
    sendJson(res, answer === undefined ? 404 : 200, answer ?? { error: `no operation ${operation}` });
  }

  /** The answer; undefined if there is no such operation. Those that wait for something answer when it has happened. */
  async function control(
    operation: string,
    { model, gate = "", index = 0, responses = [] }: ControlRequest,
  ): Promise<unknown> {
    const script = scriptOf(model);
    switch (operation) {
      case "script":
        script.add(responses);
        return {};
      case "open":
        script.gate(gate).opened.set();
        return {};
      case "reached":
        await script.gate(gate).reached.promise;
        return {};
      case "requests":
        return script.requests();
      case "request":
        return recordOf(await script.arrival(index).promise);
      case "ended": {
        const entry = await script.arrival(index).promise;
        return await entry.ended.promise;
      }
      default:
        return undefined;
    }
  }

  const server = createServer((req, res) => {
    handle(req, res).catch((error: unknown) => {
      process.stderr.write(`provider test server: ${String(error)}\n`);
      res.destroy();
    });
  });
  server.on("connection", (socket) => socket.setNoDelay(true));
  return server;
}

/** What the operations of `/_control/` take. */
export interface ControlRequest {
  readonly model: string;
  readonly gate?: string;
  readonly index?: number;
  readonly responses?: readonly ProviderResponse[];
}

async function readText(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { "content-type": "application/json" });
  res.end(JSON.stringify(body));
}
