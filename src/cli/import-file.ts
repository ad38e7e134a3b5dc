import type { MessageInitShape } from "@bufbuild/protobuf";
import * as z from "zod";
import type { StoredRowSchema } from "../gen/palaver/chat/v1/import_service_pb.js";
import { invalidFile, numberedLines } from "./read-file.js";
import { readStoredRow } from "./stored-row.js";

/** The version of what `palaver export` writes. */
export const exportVersion = 1;

const headerSchema = z.strictObject({
  palaver_export: z.literal(exportVersion),
  title: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  model: z.string().optional(),
});

/** What an export's first line says about the chat. */
export type ExportHeader = z.infer<typeof headerSchema>;

export interface ImportFile {
  /** Undefined unless `palaver export` wrote the file. */
  readonly header: ExportHeader | undefined;
  readonly rows: readonly MessageInitShape<typeof StoredRowSchema>[];
  /** On which line each row stands. */
  readonly lines: readonly number[];
}

/** Reads JSON Lines: one row a line, and before them the header of an export if there is one. @throws CliError INVALID_FILE */
export function parseImportFile(text: string, path: string): ImportFile {
  const lines = numberedLines(text);
  const header = readHeader(lines[0]?.line, path);
  const rowLines = header === undefined ? lines : lines.slice(1);
  if (rowLines.length === 0)
    throw invalidFile(path, "holds no rows", "It takes one JSON object a line; --help says more.");
  const rows = rowLines.map(({ number, line }) => {
    try {
      return readStoredRow(line);
    } catch (error) {
      throw invalidFile(path, `line ${number}: ${(error as Error).message}`);
    }
  });
  return { header, rows, lines: rowLines.map(({ number }) => number) };
}

function readHeader(line: string | undefined, path: string): ExportHeader | undefined {
  if (line?.includes('"palaver_export"') !== true) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined; // the row's reader says so
  }
  if (!z.object({ palaver_export: z.unknown() }).safeParse(value).success) return undefined;
  const header = headerSchema.safeParse(value);
  if (header.success) return header.data;
  throw invalidFile(path, "line 1: is the header of an export that this version does not know");
}
