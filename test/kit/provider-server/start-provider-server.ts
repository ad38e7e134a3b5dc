import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { nodeCommand, root } from "../compiled-sources.js";
import type { ProviderResponse, ProviderStep } from "./script.js";
import type { RecordedRequest, RequestEnd } from "./script-book.js";
import type { ControlRequest } from "./serve.js";

/** How long to wait for something that a test expects to happen. A deadline for what is broken, not a pace. */
const deadlineMs = 20_000;

/** A model name of its own with a script of its own: tests that share a server do not see each other. */
export interface ScriptedModelHandle {
  /** The model's name, without a provider. It looks like that of a reasoning model, which OpenAI's package goes by. */
  readonly model: string;
  /** Scripts more responses, after those that there are. */
  respond(...responses: readonly (readonly ProviderStep[] | ProviderResponse)[]): Promise<void>;
  /** Resolves when a response has come to the gate, with everything before it sent. */
  reached(gate: string): Promise<void>;
  open(gate: string): Promise<void>;
  /** The requests so far. */
  requests(): Promise<RecordedRequest[]>;
  /** The request with that index (from 0), as soon as it has arrived. */
  request(index: number): Promise<RecordedRequest>;
  /** How the response to the request with that index ended, as soon as it has. */
  ended(index: number): Promise<RequestEnd>;
}

export interface ProviderServer extends AsyncDisposable {
  /** For example "http://127.0.0.1:40123". */
  readonly url: string;
  /** What goes into the models' configuration, by provider; the keys are accepted whatever they are. */
  readonly access: {
    readonly openai: { readonly apiKey: string; readonly baseUrl: string };
    readonly anthropic: { readonly apiKey: string; readonly baseUrl: string };
    readonly google: { readonly apiKey: string; readonly baseUrl: string };
    readonly openaiCompatible: { readonly baseUrl: string };
  };
  /**
   * Makes a model that answers one request with each response, in order; further requests fail with an error that says so.
   * A response is a list of steps, or `{ steps, chunkBytes }`.
   */
  script(...responses: readonly (readonly ProviderStep[] | ProviderResponse)[]): Promise<ScriptedModelHandle>;
  /** The requests to a model so far. */
  requestsOf(model: string): Promise<RecordedRequest[]>;
}

/**
 * Starts the provider test server in a process of its own, which ends with this one. It speaks OpenAI Responses, OpenAI Chat Completions,
 * Chat Completions as others do, Anthropic Messages and Google Generative AI; see script.ts for what it can say.
 */
export async function startProviderServer(): Promise<ProviderServer> {
  const [node, ...main] = nodeCommand("test/kit/provider-server/main.ts");
  const child = spawn(node, main, {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, "line"), exited.then(() => undefined)]);
  if (first === undefined) throw new Error("The provider test server ended before it listened");
  const { port } = JSON.parse(first[0] as string) as { port: number };
  const url = `http://127.0.0.1:${String(port)}`;

  async function control<T>(operation: string, request: ControlRequest): Promise<T> {
    const { responses: _responses, ...named } = request;
    const what = `${operation} ${JSON.stringify(named)}`;
    let response: Response;
    try {
      response = await fetch(`${url}/_control/${operation}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(deadlineMs),
      });
    } catch (cause) {
      throw new Error(`The provider test server did not answer in ${String(deadlineMs)} ms: ${what}`, {
        cause,
      });
    }
    if (!response.ok) throw new Error(`The provider test server refused: ${what}`);
    return (await response.json()) as T;
  }

  return {
    url,
    access: {
      openai: { apiKey: "sk-test-openai", baseUrl: `${url}/openai/v1` },
      anthropic: { apiKey: "sk-ant-test", baseUrl: `${url}/anthropic/v1` },
      google: { apiKey: "AIzaTest", baseUrl: `${url}/google/v1beta` },
      openaiCompatible: { baseUrl: `${url}/compatible/v1` },
    },
    async script(...responses) {
      const handle = createHandle(`gpt-5-test-${randomUUID()}`, control);
      await handle.respond(...responses);
      return handle;
    },
    requestsOf: (model) => control("requests", { model }),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
    },
  };
}

function createHandle(
  model: string,
  control: <T>(operation: string, request: ControlRequest) => Promise<T>,
): ScriptedModelHandle {
  return {
    model,
    respond: async (...responses) => {
      await control("script", {
        model,
        responses: responses.map((response) => ("steps" in response ? response : { steps: response })),
      });
    },
    reached: async (gate) => {
      await control("reached", { model, gate });
    },
    open: async (gate) => {
      await control("open", { model, gate });
    },
    requests: () => control("requests", { model }),
    request: (index) => control("request", { model, index }),
    ended: (index) => control("ended", { model, index }),
  };
}
