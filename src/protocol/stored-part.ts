import * as z from "zod";
import { readProviderMetadata } from "./provider-metadata.js";

/**
 * Parts as they are stored: the JSON in `messages.content` with content version 2. It has the fields of the proto `Part` plus
 * `provider_metadata`, which is sent back to the provider in later prompts and exists in no client view (PART-4).
 * `args_json` and `result_json` hold JSON *text*, verbatim (PART-3).
 */
const internal = { provider_metadata: z.unknown().transform(readProviderMetadata).optional() };

/** A point in time in UTC, with as many digits as its writer had. The years of a protobuf timestamp begin with 1. */
const instant = z.iso.datetime().refine((text) => Date.parse(text) >= Date.parse("0001-01-01T00:00:00Z"), {
  error: "Invalid time",
});

export const textPartSchema = z.object({ type: z.literal("text"), text: z.string(), ...internal });

export const reasoningPartSchema = z.object({
  type: z.literal("reasoning"),
  text: z.string(),
  started_at: instant.optional(),
  completed_at: instant.optional(),
  ...internal,
});

export const toolCallPartSchema = z.object({
  type: z.literal("tool-call"),
  tool_call_id: z.string(),
  tool_name: z.string(),
  /** Absent if the model sent invalid JSON. */
  args_json: z.string().optional(),
  provider_executed: z.boolean().optional(),
  created_at: instant.optional(),
  ...internal,
});

export const toolResultPartSchema = z.object({
  type: z.literal("tool-result"),
  tool_call_id: z.string(),
  tool_name: z.string(),
  result_json: z.string(),
  is_error: z.boolean().optional(),
  is_media: z.boolean().optional(),
  provider_executed: z.boolean().optional(),
  created_at: instant.optional(),
  ...internal,
});

export const filePartSchema = z.object({
  type: z.literal("file"),
  file_id: z.string().optional(),
  /** Base64; absent where there is a file id. */
  data: z.string().optional(),
  media_type: z.string(),
  name: z.string().optional(),
  ...internal,
});

export const fileReferencePartSchema = z.object({
  type: z.literal("file-reference"),
  file_name: z.string(),
  start_line: z.int32(),
  end_line: z.int32(),
  content: z.string(),
});

export const sourcePartSchema = z.object({
  type: z.literal("source"),
  url: z.string(),
  source_id: z.string().optional(),
  title: z.string().optional(),
  ...internal,
});

export const storedPartSchema = z.discriminatedUnion("type", [
  textPartSchema,
  reasoningPartSchema,
  toolCallPartSchema,
  toolResultPartSchema,
  filePartSchema,
  fileReferencePartSchema,
  sourcePartSchema,
]);

const partTypes: ReadonlySet<string> = new Set(
  storedPartSchema.options.map((option) => option.shape.type.value),
);

export function isKnownPartType(type: string): type is StoredPart["type"] {
  return partTypes.has(type);
}

export type TextPart = z.infer<typeof textPartSchema>;
export type ReasoningPart = z.infer<typeof reasoningPartSchema>;
export type ToolCallPart = z.infer<typeof toolCallPartSchema>;
export type ToolResultPart = z.infer<typeof toolResultPartSchema>;
export type FilePart = z.infer<typeof filePartSchema>;
export type FileReferencePart = z.infer<typeof fileReferencePartSchema>;
export type StoredPart = z.infer<typeof storedPartSchema>;

const roles = ["system", "user", "assistant", "tool"] as const;

export type Role = (typeof roles)[number];

export function isRole(role: string): role is Role {
  return (roles as readonly string[]).includes(role);
}

/** Who sees a message: clients, the model, or both (MSG-2). */
export type Visibility = "both" | "user" | "model";

export const usageSchema = z.object({
  input_tokens: z.int().nonnegative().optional(),
  output_tokens: z.int().nonnegative().optional(),
  total_tokens: z.int().nonnegative().optional(),
  reasoning_tokens: z.int().nonnegative().optional(),
  cache_read_tokens: z.int().nonnegative().optional(),
  cache_write_tokens: z.int().nonnegative().optional(),
  runtime_ms: z.number().nonnegative().max(Number.MAX_SAFE_INTEGER),
});

/** What generating a message consumed; see the proto message `Usage`. */
export type Usage = z.infer<typeof usageSchema>;
