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
export const chatErrorSchema = z.object({
  message: z.string(),
  kind: z.enum(chatErrorKinds).catch("generic"),
  provider: z.string().optional(),
  retryable: z.boolean().optional(),
  status_code: z.int().optional(),
  detail: z.string().optional(),
});

export type ChatError = z.infer<typeof chatErrorSchema>;

/** A failed attempt that waits to be repeated, as it is stored. */
export const retryStateSchema = z.object({
  attempt: z.int().positive(),
  delay_ms: z.number().nonnegative(),
  due_at: z.iso.datetime(),
  error: chatErrorSchema,
});

export type RetryState = z.infer<typeof retryStateSchema>;
