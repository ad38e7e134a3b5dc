import * as z from "zod";

/**
 * Parts as they are stored: the JSON in `messages.content` with content version 2. It has the fields of the proto `Part` plus
 * `provider_metadata`, which is sent back to the provider in later prompts and exists in no client view (PART-4).
 * `args_json` and `result_json` hold JSON *text*, verbatim (PART-3).
 */
const providerMetadata = z.record(z.string(), z.record(z.string(), z.json()));

/** What a provider wants back in the next prompt, by provider name. Opaque to us. */
export type ProviderMetadata = z.infer<typeof providerMetadata>;

const internal = { provider_metadata: providerMetadata.optional() };
const instant = z.iso.datetime();

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

export type TextPart = z.infer<typeof textPartSchema>;
export type ReasoningPart = z.infer<typeof reasoningPartSchema>;
export type ToolCallPart = z.infer<typeof toolCallPartSchema>;
export type ToolResultPart = z.infer<typeof toolResultPartSchema>;
export type FilePart = z.infer<typeof filePartSchema>;
export type FileReferencePart = z.infer<typeof fileReferencePartSchema>;
export type StoredPart = z.infer<typeof storedPartSchema>;

export type Role = "system" | "user" | "assistant" | "tool";

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
