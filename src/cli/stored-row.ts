import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import * as z from "zod";
import { RowVisibility, type StoredRowSchema } from "../gen/palaver/chat/v1/import_service_pb.js";
import { type Usage, usageSchema } from "../protocol/index.js";
import { memberSlices } from "./json-slices.js";

const instant = z.iso.datetime({ offset: true });

/** What names a stored content: who spoke, in which version it was written, and its JSON. */
const contentFields = {
  /** Of the file alone: ids are given anew. */
  id: z.union([z.string(), z.number()]).optional(),
  role: z.string(),
  content_version: z.int32().nonnegative(),
  /** The JSON text of the content, as a string. */
  raw: z.string().nullable().optional(),
  /** The content itself. */
  content: z.unknown().optional(),
};

/** A row in files, one JSON object each. */
const rowSchema = z.strictObject({
  ...contentFields,
  created_at: instant.optional(),
  deleted_at: instant.nullable().optional(),
  visibility: z.enum(["both", "user", "model"]).optional(),
  compressed: z.boolean().optional(),
  interrupted: z.boolean().optional(),
  model: z.string().nullable().optional(),
  author: z.string().nullable().optional(),
  usage: usageSchema.nullable().optional(),
});

export interface StoredContent {
  /** JSON text. */
  readonly idJson: string | undefined;
  readonly role: string;
  readonly contentVersion: number;
  /** JSON text; undefined: no content. */
  readonly contentJson: string | undefined;
}

/**
 * What names the content of a row; other fields do not matter.
 *
 * @throws Error that says what is wrong with the text
 */
export function readStoredContent(json: string): StoredContent {
  const { role, content_version, raw } = parse(json, z.object(contentFields));
  const idJson = memberSlices(json).get("id");
  return { idJson, role, contentVersion: content_version, contentJson: contentText(json, raw) };
}

/** A row as ImportService takes it. @throws Error that says what is wrong with the text */
export function readStoredRow(json: string): MessageInitShape<typeof StoredRowSchema> {
  const row = parse(json, rowSchema);
  const contentJson = contentText(json, row.raw);
  return {
    role: row.role,
    contentVersion: row.content_version,
    ...(contentJson === undefined ? {} : { contentJson }),
    ...timestamp("createTime", row.created_at),
    ...timestamp("deleteTime", row.deleted_at),
    visibility: visibilities[row.visibility ?? "both"],
    compressed: row.compressed ?? false,
    interrupted: row.interrupted ?? false,
    model: row.model ?? "",
    author: row.author ?? "",
    ...(row.usage === undefined || row.usage === null ? {} : { usage: usageInit(row.usage) }),
  };
}

const visibilities = {
  both: RowVisibility.BOTH,
  user: RowVisibility.USER,
  model: RowVisibility.MODEL,
} as const;

/** Cut out of the row's text, so that it stays what it is. */
function contentText(json: string, raw: string | null | undefined): string | undefined {
  const content = memberSlices(json).get("content");
  if (content !== undefined && raw !== undefined)
    throw new Error("content and raw are the same thing: give one of them");
  return content ?? raw ?? undefined;
}

function parse<S extends z.ZodType>(json: string, schema: S): z.infer<S> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Error("is not JSON");
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join(".") ?? "";
  throw new Error(`${path === "" ? "" : `${path}: `}${issue?.message ?? "is no row"}`);
}

function timestamp<Key extends string>(
  key: Key,
  iso: string | null | undefined,
): Partial<Record<Key, ReturnType<typeof timestampFromDate>>> {
  return iso === undefined || iso === null
    ? {}
    : ({ [key]: timestampFromDate(new Date(iso)) } as Record<Key, ReturnType<typeof timestampFromDate>>);
}

function usageInit(usage: Usage): MessageInitShape<typeof StoredRowSchema>["usage"] & object {
  const counts = {
    inputTokens: usage.input_tokens,
    outputTokens: usage.output_tokens,
    totalTokens: usage.total_tokens,
    reasoningTokens: usage.reasoning_tokens,
    cacheReadTokens: usage.cache_read_tokens,
    cacheWriteTokens: usage.cache_write_tokens,
  };
  const known = Object.entries(counts).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return {
    ...Object.fromEntries(known.map(([key, count]) => [key, BigInt(count)])),
    runtimeMs: BigInt(Math.round(usage.runtime_ms)),
  };
}
