import * as z from "zod";

export const chatErrorKinds = [
  "generic",
  "overloaded",
  "rate_limit",
  "timeout",
  "auth",
  "config",
  "usage_limit",
  "content_filter",
] as const;

export type ChatErrorKind = (typeof chatErrorKinds)[number];

/** A failed turn as it is stored (ERR-2). The proto message `ChatError` says what the fields mean. */
const chatErrorSchema = z.object({
  message: z.string(),
  kind: z.enum(chatErrorKinds).catch("generic"),
  provider: z.string().optional().catch(undefined),
  retryable: z.boolean().optional().catch(undefined),
  status_code: z.int32().optional().catch(undefined),
  detail: z.string().optional().catch(undefined),
});

export type ChatError = z.infer<typeof chatErrorSchema>;

/**
 * Reads a stored error, whatever it is: older versions stored plain text (ERR-4), and what cannot be read is still an error. It is
 * reported in neutral words, never thrown: one bad row must not make a chat unreadable.
 */
export function readChatError(stored: unknown): ChatError {
  if (typeof stored === "string" && stored.trim() !== "") return { message: stored, kind: "generic" };
  const { data } = chatErrorSchema.safeParse(stored);
  return data ?? { message: "The turn failed.", kind: "generic" };
}

/** A failed attempt that waits to be repeated, as it is stored. */
export const retryStateSchema = z.object({
  attempt: z.int32().positive(),
  delay_ms: z.number().nonnegative().max(Number.MAX_SAFE_INTEGER),
  due_at: z.iso.datetime(),
  error: z.unknown().transform(readChatError),
});

export type RetryState = z.infer<typeof retryStateSchema>;
