import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3FinishReason,
  LanguageModelV3FunctionTool,
  LanguageModelV3StreamPart,
  LanguageModelV3Usage,
  SharedV3ProviderMetadata,
} from "@ai-sdk/provider";
import type { Clock } from "../platform/index.js";
import type { ProviderMetadata } from "../protocol/index.js";
import { buildPrompt } from "./build-prompt.js";
import { classifyFailure } from "./classify-error.js";
import type { FinishReason, Model, ModelEvent, ModelRequest, ModelUsage, ToolDeclaration } from "./model.js";
import { opaqueTexts } from "./opaque-texts.js";
import { readFailure } from "./read-failure.js";

export interface AiSdkModelOptions {
  /** The provider's name in model ids. */
  readonly provider: string;
  /** "provider/model". */
  readonly id: string;
  readonly languageModel: LanguageModelV3;
  /** Settings that go with every call. */
  readonly providerOptions?: LanguageModelV3CallOptions["providerOptions"] | undefined;
  /** Texts that must not appear in errors: the key. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
  /** What stands for a number in arguments that a double cannot hold; the language model's `fetch` has to undo it. */
  readonly markNumber?: ((literal: string) => string) | undefined;
}

/**
 * Makes a {@link Model} of an AI SDK language model (specification V3). Calls `doStream` directly, so nothing below retries.
 *
 * The packages report our own abort as any kind of error, throw our reason back, or just end: here the stream just ends, whichever it was
 * (their errors hold the prompt, and must not get into logs).
 */
export function createAiSdkModel(options: AiSdkModelOptions): Model {
  const { provider, id, secrets, clock, markNumber } = options;
  const failure = (error: unknown, { history }: ModelRequest): Error =>
    classifyFailure(error instanceof FinishFailure ? error.failure : readFailure(error, clock.now()), {
      provider,
      secrets: [...secrets, ...opaqueTexts(history)],
    });

  async function* stream(
    request: ModelRequest,
    { signal }: { signal: AbortSignal },
  ): AsyncGenerator<ModelEvent> {
    const aborted = (): boolean => signal.aborted;
    if (aborted()) return;
    const translate = createTranslator();
    try {
      const { stream: parts } = await options.languageModel.doStream({
        prompt: buildPrompt(request.history, { provider, files: request.files, markNumber }),
        tools: declareTools(request.tools),
        abortSignal: signal,
        includeRawChunks: false,
        ...(options.providerOptions !== undefined && { providerOptions: options.providerOptions }),
      });
      const reader = parts.getReader();
      try {
        for (let next = await reader.read(); !next.done; next = await reader.read()) {
          const part = next.value;
          if (part.type === "error") throw part.error;
          if (part.type === "finish") {
            const event = finish(part.finishReason, part.usage);
            await awaitEnd(reader, clock, signal);
            yield event;
            return;
          }
          yield* translate(part);
        }
      } finally {
        // However this is left, the request is over. Cancelling fails for a stream that has failed, which is known by then.
        await reader.cancel().catch(() => undefined);
      }
    } catch (error) {
      if (aborted()) return;
      throw failure(error, request);
    }
    if (!aborted()) throw classifyFailure({ message: "", endedEarly: true }, { provider });
  }

  return { provider, id, stream };
}

/** How long a provider has to close its response after the terminal event. */
const endGraceMs = 250;

/** Waits a moment for the response's end, which has mostly come along already: a response read to its end leaves the connection for the next one. */
async function awaitEnd(
  reader: ReadableStreamDefaultReader<LanguageModelV3StreamPart>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const graceOver = clock
    .sleep(endGraceMs, { signal: AbortSignal.any([signal, ended.signal]) })
    .catch(() => undefined);
  await Promise.race([readAll(reader), graceOver]);
  ended.abort();
}

async function readAll(reader: ReadableStreamDefaultReader<LanguageModelV3StreamPart>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // The answer is complete, whatever becomes of the connection.
  }
}

/** A `finish` part that is a failure in truth. */
class FinishFailure extends Error {
  readonly failure: { message: string; endedEarly?: boolean };

  constructor(failure: { message: string; endedEarly?: boolean }) {
    super(failure.message);
    this.failure = failure;
  }
}

function finish({ unified, raw }: LanguageModelV3FinishReason, usage: LanguageModelV3Usage): ModelEvent {
  if (unified === "content-filter") throw new FinishFailure({ message: "content filter" });
  if (unified === "error") throw new FinishFailure({ message: `finish reason: ${raw ?? "error"}` });
  // Some packages close a stream that was cut with a `finish` of their own; then the provider gave no reason.
  if (unified === "other" && raw === undefined) throw new FinishFailure({ message: "", endedEarly: true });
  return { type: "finish", reason: unified satisfies FinishReason, usage: readUsage(usage) };
}

/** Maps stream parts to events; remembers by call id what only the first part of a call tells. */
function createTranslator(): (
  part: Exclude<LanguageModelV3StreamPart, { type: "error" | "finish" }>,
) => Generator<ModelEvent> {
  const calls = new Map<string, { toolName: string; providerExecuted: boolean }>();
  return function* translate(part) {
    switch (part.type) {
      case "text-start":
      case "reasoning-start":
        // Opens the block, so that blocks stand in the order in which they began and a signature finds an empty block too.
        yield {
          type: part.type === "text-start" ? "text" : "reasoning",
          block: part.id,
          delta: "",
          ...metadataOf(part.providerMetadata),
        };
        return;
      case "text-delta":
      case "reasoning-delta":
        yield {
          type: part.type === "text-delta" ? "text" : "reasoning",
          block: part.id,
          delta: part.delta,
          ...metadataOf(part.providerMetadata),
        };
        return;
      case "text-end":
      case "reasoning-end":
        yield { type: "block-end", block: part.id, ...metadataOf(part.providerMetadata) };
        return;
      case "tool-input-start": {
        const call = { toolName: part.toolName, providerExecuted: part.providerExecuted === true };
        calls.set(part.id, call);
        yield { type: "tool-input", toolCallId: part.id, delta: "", ...call };
        return;
      }
      case "tool-input-delta": {
        const call = calls.get(part.id);
        if (call !== undefined) yield { type: "tool-input", toolCallId: part.id, delta: part.delta, ...call };
        return;
      }
      case "tool-call": {
        const providerExecuted =
          part.providerExecuted ?? calls.get(part.toolCallId)?.providerExecuted ?? false;
        calls.set(part.toolCallId, { toolName: part.toolName, providerExecuted });
        yield {
          type: "tool-call",
          toolCallId: part.toolCallId,
          toolName: part.toolName,
          argsJson: validArguments(part.input),
          providerExecuted,
          ...metadataOf(part.providerMetadata),
        };
        return;
      }
      case "tool-result":
        if (part.preliminary === true) return;
        yield {
          type: "tool-result",
          toolCallId: part.toolCallId,
          toolName: part.toolName,
          resultJson: JSON.stringify(part.result),
          isError: part.isError === true,
          ...metadataOf(part.providerMetadata),
        };
        return;
      case "file": {
        const data =
          typeof part.data === "string" ? new Uint8Array(Buffer.from(part.data, "base64")) : part.data;
        yield { type: "file", mediaType: part.mediaType, data, ...metadataOf(part.providerMetadata) };
        return;
      }
      case "source":
        if (part.sourceType === "url") {
          yield {
            type: "source",
            url: part.url,
            sourceId: part.id,
            ...(part.title !== undefined && { title: part.title }),
            ...metadataOf(part.providerMetadata),
          };
        }
        return;
      case "tool-input-end":
      case "tool-approval-request":
      case "stream-start":
      case "response-metadata":
      case "raw":
        return;
      default:
        part satisfies never;
    }
  };
}

/** The arguments as the model wrote them; undefined if they are no JSON. A model that writes nothing means no arguments. */
function validArguments(input: string): string | undefined {
  if (input.trim() === "") return "{}";
  try {
    JSON.parse(input);
    return input;
  } catch {
    return undefined;
  }
}

/** As it will be read from the database: without undefined values, so that both prompts are the same. */
function metadataOf(metadata: SharedV3ProviderMetadata | undefined): { metadata?: ProviderMetadata } {
  return metadata === undefined ? {} : { metadata: JSON.parse(JSON.stringify(metadata)) as ProviderMetadata };
}

function readUsage({ inputTokens, outputTokens }: LanguageModelV3Usage): ModelUsage {
  const counts = {
    input_tokens: inputTokens.total,
    output_tokens: outputTokens.total,
    total_tokens:
      inputTokens.total === undefined || outputTokens.total === undefined
        ? undefined
        : inputTokens.total + outputTokens.total,
    reasoning_tokens: outputTokens.reasoning,
    cache_read_tokens: inputTokens.cacheRead,
    cache_write_tokens: inputTokens.cacheWrite,
  };
  return Object.fromEntries(
    Object.entries(counts).filter(
      ([, count]) => count !== undefined && Number.isSafeInteger(count) && count >= 0,
    ),
  );
}

/** Sorted by name: the same tools make the same prefix, which providers cache. */
function declareTools(tools: readonly ToolDeclaration[]): LanguageModelV3FunctionTool[] {
  return tools
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ name, description, inputSchema }) => ({ type: "function", name, description, inputSchema }));
}
