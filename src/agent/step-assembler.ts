import { create } from "@bufbuild/protobuf";
import { type Part, PartSchema } from "../gen/palaver/chat/v1/message_pb.js";
import type { FinishReason, ModelEvent, ModelUsage } from "../models/index.js";
import {
  partToProto,
  placeResults,
  type ProviderMetadata,
  type ReasoningPart,
  type StoredPart,
  type TextPart,
  type ToolCallPart,
} from "../protocol/index.js";

/** One fragment for subscribers. */
export interface StepDelta {
  readonly block: number;
  readonly part: Part;
}

/**
 * Turns what a model says into deltas for subscribers and, at the end or at any earlier moment, into the parts of the message.
 * Both come from the same text: the deltas of a block, joined, are the text that is committed (STREAM-8).
 *
 * A code point that a model splits over two fragments is held back until it is whole (STREAM-16). Blocks that interleave keep their
 * own text and stand in the order in which they began; the result of a tool that the provider ran stands right after its call.
 */
export class StepAssembler {
  readonly #blocks: Block[] = [];
  readonly #byKey = new Map<string, Block>();
  readonly #now: () => string;
  #finish: { reason: FinishReason; usage: ModelUsage } | undefined;

  /** `now`: the time as ISO 8601. */
  constructor(now: () => string) {
    this.#now = now;
  }

  /** Takes one event. Returns what subscribers get, in order; often nothing or one delta. */
  push(event: ModelEvent): StepDelta[] {
    switch (event.type) {
      case "text":
      case "reasoning":
        return this.#pushText(event);
      case "block-end":
        return this.#endText(event.block, event.metadata);
      case "tool-input":
        return this.#pushToolInput(event);
      case "tool-call":
        return this.#pushToolCall(event);
      case "tool-result":
        return this.#whole({
          type: "tool-result",
          tool_call_id: this.#idOfCall(event.toolCallId),
          tool_name: event.toolName,
          result_json: event.resultJson,
          provider_executed: true,
          created_at: this.#now(),
          ...(event.isError ? { is_error: true } : {}),
          ...stored(event.metadata),
        });
      case "file":
        return this.#whole({
          type: "file",
          media_type: event.mediaType,
          data: Buffer.from(event.data).toString("base64"),
          ...stored(event.metadata),
        });
      case "source":
        return this.#whole({
          type: "source",
          url: event.url,
          ...(event.sourceId === undefined ? {} : { source_id: event.sourceId }),
          ...(event.title === undefined ? {} : { title: event.title }),
          ...stored(event.metadata),
        });
      case "finish":
        this.#finish = { reason: event.reason, usage: event.usage };
        return this.flush();
      default:
        return event satisfies never;
    }
  }

  /** Ends all text blocks: gives out what was held back. For a stream that is cut, before {@link parts} is taken. */
  flush(): StepDelta[] {
    return this.#blocks.flatMap((block) =>
      block.kind === "text" && !block.ended ? this.#endText(block.key) : [],
    );
  }

  /** How the model ended; undefined while it has not. */
  get finish(): { readonly reason: FinishReason; readonly usage: ModelUsage } | undefined {
    return this.#finish;
  }

  /** The parts so far. A tool call whose arguments are incomplete has none. */
  parts(): StoredPart[] {
    return placeResults(this.#blocks.filter((block) => !isEmptyText(block)).map((block) => block.part));
  }

  #pushText(event: Extract<ModelEvent, { type: "text" | "reasoning" }>): StepDelta[] {
    const key = `${event.type}:${event.block}`;
    const known = this.#byKey.get(key);
    const block =
      known?.kind === "text" && !known.ended
        ? known
        : this.#add({
            kind: "text",
            key,
            number: this.#blocks.length + 1,
            held: "",
            ended: false,
            part:
              event.type === "text"
                ? { type: "text", text: "" }
                : { type: "reasoning", text: "", started_at: this.#now() },
          });
    if (event.metadata !== undefined) mergeMetadata(block.part, event.metadata);
    const { whole, rest } = splitWhole(block.held + event.delta);
    block.held = rest;
    return appendText(block, whole);
  }

  #endText(key: string, metadata?: ProviderMetadata): StepDelta[] {
    const candidates = [
      this.#byKey.get(key),
      this.#byKey.get(`text:${key}`),
      this.#byKey.get(`reasoning:${key}`),
    ];
    const block = candidates.find((candidate) => candidate?.kind === "text" && !candidate.ended);
    if (block?.kind !== "text") return [];
    if (metadata !== undefined) mergeMetadata(block.part, metadata);
    const rest = block.held;
    block.held = "";
    block.ended = true;
    if (block.part.type === "reasoning") block.part.completed_at = this.#now();
    return appendText(block, rest);
  }

  #pushToolInput(event: Extract<ModelEvent, { type: "tool-input" }>): StepDelta[] {
    const block = this.#call(event);
    const { whole, rest } = splitWhole(block.held + event.delta);
    block.held = rest;
    if (whole === "") return [];
    return [
      {
        block: block.number,
        part: create(PartSchema, {
          kind: {
            case: "toolCall",
            value: {
              toolCallId: block.part.tool_call_id,
              toolName: event.toolName,
              argsDelta: whole.toWellFormed(),
              providerExecuted: event.providerExecuted,
            },
          },
        }),
      },
    ];
  }

  #pushToolCall(event: Extract<ModelEvent, { type: "tool-call" }>): StepDelta[] {
    const block = this.#call(event);
    block.complete = true;
    block.part.tool_name = event.toolName;
    if (event.argsJson !== undefined) block.part.args_json = event.argsJson;
    if (event.providerExecuted) block.part.provider_executed = true;
    if (event.metadata !== undefined) mergeMetadata(block.part, event.metadata);
    return [{ block: block.number, part: partToProto(block.part) }];
  }

  /** The call that an event belongs to. Some servers use one id twice, or none: another call gets an id of its own. */
  #call(event: { toolCallId: string; toolName: string; providerExecuted: boolean }): CallBlock {
    const key = `call:${event.toolCallId}`;
    const known = this.#byKey.get(key);
    if (known?.kind === "call" && !known.complete) return known;
    const number = this.#blocks.length + 1;
    const id =
      known === undefined && event.toolCallId !== "" ? event.toolCallId : `${event.toolCallId}_${number}`;
    return this.#add({
      kind: "call",
      key,
      number,
      held: "",
      complete: false,
      part: {
        type: "tool-call",
        tool_call_id: id,
        tool_name: event.toolName,
        created_at: this.#now(),
        ...(event.providerExecuted ? { provider_executed: true } : {}),
      },
    });
  }

  /** The id that the latest call of a provider's id has here. */
  #idOfCall(id: string): string {
    const known = this.#byKey.get(`call:${id}`);
    return known?.kind === "call" ? known.part.tool_call_id : id;
  }

  #whole(part: StoredPart): StepDelta[] {
    const number = this.#blocks.length + 1;
    this.#add({ kind: "whole", key: `whole:${number}`, number, part });
    return [{ block: number, part: partToProto(part) }];
  }

  #add<B extends Block>(block: B): B {
    this.#blocks.push(block);
    this.#byKey.set(block.key, block);
    return block;
  }
}

type Block = TextBlock | CallBlock | { kind: "whole"; key: string; number: number; part: StoredPart };

interface TextBlock {
  kind: "text";
  key: string;
  number: number;
  /** The first half of a code point whose second half has not come yet. */
  held: string;
  ended: boolean;
  part: TextPart | ReasoningPart;
}

interface CallBlock {
  kind: "call";
  /** Its arguments are there: another event with its id begins another call. */
  complete: boolean;
  key: string;
  number: number;
  /** See {@link TextBlock.held}. */
  held: string;
  part: ToolCallPart;
}

function appendText(block: TextBlock, text: string): StepDelta[] {
  if (text === "") return [];
  // An unpaired surrogate cannot be encoded: it becomes U+FFFD here, for subscribers and the database alike.
  const wellFormed = text.toWellFormed();
  const first = block.part.text === "";
  block.part.text += wellFormed;
  const { part } = block;
  if (part.type === "text")
    return [{ block: block.number, part: partToProto({ type: "text", text: wellFormed }) }];
  const started = first && part.started_at !== undefined ? { started_at: part.started_at } : {};
  return [{ block: block.number, part: partToProto({ type: "reasoning", text: wellFormed, ...started }) }];
}

function splitWhole(text: string): { whole: string; rest: string } {
  const last = text.charCodeAt(text.length - 1);
  const splits = last >= 0xd800 && last <= 0xdbff;
  return splits ? { whole: text.slice(0, -1), rest: text.slice(-1) } : { whole: text, rest: "" };
}

/** Blocks that a model opens and leaves empty are not worth storing; signed reasoning is, even when empty. */
function isEmptyText(block: Block): boolean {
  return block.kind === "text" && block.part.text === "" && block.part.provider_metadata === undefined;
}

function stored(metadata: ProviderMetadata | undefined): { provider_metadata?: ProviderMetadata } {
  return metadata === undefined ? {} : { provider_metadata: metadata };
}

function mergeMetadata(part: TextPart | ReasoningPart | ToolCallPart, metadata: ProviderMetadata): void {
  const merged = { ...part.provider_metadata };
  for (const [provider, fields] of Object.entries(metadata))
    merged[provider] = { ...merged[provider], ...fields };
  part.provider_metadata = merged;
}
