import {
  createModelRegistry,
  type HistoryMessage,
  type Model,
  ModelError,
  type ModelEvent,
  type ToolDeclaration,
} from "../../src/models/index.js";
import { systemClock } from "../../src/platform/index.js";
import type { ProviderMetadata, ReasoningPart, StoredPart, TextPart } from "../../src/protocol/index.js";
import type { ProviderServer } from "../kit/provider-server/index.js";

/** The providers as model ids name them; each goes over its real wire. */
export const providers = ["openai", "openai-chat", "anthropic", "google", "openai-compatible"] as const;

export type Provider = (typeof providers)[number];

export function modelOf(server: ProviderServer, provider: Provider, model: string): Model {
  const registry = createModelRegistry(
    { defaultModelId: "scripted/default", ...server.access },
    { clock: systemClock },
  );
  const found = registry.resolve(`${provider}/${model}`);
  if (found === undefined) throw new Error(`${provider} does not resolve`);
  return found;
}

export const weatherTools: readonly ToolDeclaration[] = [
  {
    name: "weather",
    description: "The weather in a city",
    inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
  { name: "clock", description: "The time", inputSchema: { type: "object", properties: {} } },
];

export const user = (text: string): HistoryMessage => ({ role: "user", parts: [{ type: "text", text }] });

export interface Run {
  readonly events: ModelEvent[];
  /** What was thrown, if anything. */
  readonly error: unknown;
}

/** Runs a model to its end, and keeps what it threw. */
export async function run(
  model: Model,
  history: readonly HistoryMessage[],
  options: {
    signal?: AbortSignal;
    tools?: readonly ToolDeclaration[];
    onEvent?: (event: ModelEvent) => void;
  } = {},
): Promise<Run> {
  const events: ModelEvent[] = [];
  try {
    const request = { history, tools: options.tools ?? [], files: new Map() };
    for await (const event of model.stream(request, {
      signal: options.signal ?? new AbortController().signal,
    })) {
      events.push(event);
      options.onEvent?.(event);
    }
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

/** The error of a run that must have failed with a classified one. */
export function modelErrorOf({ error }: Run): ModelError {
  if (!(error instanceof ModelError)) throw new Error("expected a ModelError", { cause: error });
  return error;
}

/** The text, or the reasoning, of all blocks. */
export function joined(events: readonly ModelEvent[], type: "text" | "reasoning"): string {
  return events.map((event) => (event.type === type ? event.delta : "")).join("");
}

/** The assistant's parts as a turn would store them: blocks in the order in which they began, metadata merged. */
export function partsOf(events: readonly ModelEvent[]): StoredPart[] {
  const parts: StoredPart[] = [];
  const blocks = new Map<string, TextPart | ReasoningPart>();
  for (const event of events) {
    if (event.type === "text" || event.type === "reasoning") {
      const known = blocks.get(event.block);
      const part: TextPart | ReasoningPart = known ?? { type: event.type, text: "" };
      if (known === undefined) {
        blocks.set(event.block, part);
        parts.push(part);
      }
      part.text += event.delta;
      merge(part, event.metadata);
    } else if (event.type === "block-end") {
      merge(blocks.get(event.block), event.metadata);
    } else if (event.type === "tool-call") {
      parts.push({
        type: "tool-call",
        tool_call_id: event.toolCallId,
        tool_name: event.toolName,
        ...(event.argsJson !== undefined && { args_json: event.argsJson }),
        ...(event.providerExecuted && { provider_executed: true }),
        ...(event.metadata !== undefined && { provider_metadata: event.metadata }),
      });
    } else if (event.type === "tool-result") {
      parts.push({
        type: "tool-result",
        tool_call_id: event.toolCallId,
        tool_name: event.toolName,
        result_json: event.resultJson,
        provider_executed: true,
        ...(event.metadata !== undefined && { provider_metadata: event.metadata }),
      });
    }
  }
  return parts;
}

function merge(part: TextPart | ReasoningPart | undefined, metadata: ProviderMetadata | undefined): void {
  if (metadata === undefined || part === undefined) return;
  const merged = { ...part.provider_metadata };
  for (const [name, fields] of Object.entries(metadata)) merged[name] = { ...merged[name], ...fields };
  part.provider_metadata = merged;
}
