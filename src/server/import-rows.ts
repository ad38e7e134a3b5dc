import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  type ParsedRow,
  ParsedRowSchema,
  RowVisibility,
  type StoredRow,
} from "../gen/palaver/chat/v1/import_service_pb.js";
import {
  decodeContent,
  type DecodedContent,
  type FieldViolation,
  partToProto,
  usageFromProto,
  type Visibility,
} from "../protocol/index.js";
import { jsonbFault, type RawMessage } from "../store/index.js";

/** A row as it will be stored, with how it reads; or why it cannot be stored. */
export type CheckedRow =
  | { readonly row: RawMessage; readonly content: DecodedContent; readonly fault?: never }
  | { readonly fault: FieldViolation };

/** `index`: the row's place in the request, from 0. `caller`: who says what nobody is named for. */
export function checkRow(row: StoredRow, index: number, caller: string): CheckedRow {
  const fault = (field: string, description: string): CheckedRow => ({
    fault: { field: `rows[${index}].${field}`, description },
  });
  const unstorable = row.contentJson === undefined ? undefined : jsonbFault(row.contentJson);
  if (unstorable !== undefined) return fault("content_json", unstorable);
  if (!isStorable(row.createTime)) return fault("create_time", outOfRange);
  if (!isStorable(row.deleteTime)) return fault("delete_time", outOfRange);
  const usage = row.usage === undefined ? undefined : usageFromProto(row.usage);
  if (usage === undefined && row.usage !== undefined) {
    return fault("usage", "holds a count that is negative or beyond 2^53");
  }
  return {
    row: {
      id: index + 1,
      role: row.role,
      content: row.contentJson,
      contentVersion: row.contentVersion,
      visibility: visibilities[row.visibility],
      compressed: row.compressed,
      hiddenAt: dateOf(row.deleteTime),
      interrupted: row.interrupted,
      model: row.model === "" ? undefined : row.model,
      author: row.author !== "" ? row.author : row.role === "user" ? caller : undefined,
      usage,
      createdAt: dateOf(row.createTime),
    },
    content: decodeContent(row.contentJson ?? null, row.contentVersion, row.role),
  };
}

/** How a row reads. What could not be stored is unreadable too. */
export function parseRow({ contentJson, contentVersion, role }: StoredRow): ParsedRow {
  const unstorable = contentJson === undefined ? undefined : jsonbFault(contentJson);
  const content: DecodedContent =
    unstorable === undefined
      ? decodeContent(contentJson ?? null, contentVersion, role)
      : { ok: false, error: "malformed_content", message: `the content ${unstorable}` };
  return content.ok
    ? create(ParsedRowSchema, { parts: content.parts.map(partToProto) })
    : create(ParsedRowSchema, { error: content.error, message: content.message });
}

const visibilities: Readonly<Record<RowVisibility, Visibility>> = {
  [RowVisibility.UNSPECIFIED]: "both",
  [RowVisibility.BOTH]: "both",
  [RowVisibility.USER]: "user",
  [RowVisibility.MODEL]: "model",
};

const outOfRange = "is no time of the years 1 to 9999";
const firstSecond = -62_135_596_800n;
const lastSecond = 253_402_300_799n;

function isStorable(time: Timestamp | undefined): boolean {
  if (time === undefined) return true;
  const { seconds, nanos } = time;
  return seconds >= firstSecond && seconds <= lastSecond && nanos >= 0 && nanos < 1_000_000_000;
}

function dateOf(time: Timestamp | undefined): Date | undefined {
  return time === undefined
    ? undefined
    : new Date(Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1_000_000));
}
