import { isDeepStrictEqual } from "node:util";
import { type MessageInitShape, toJson } from "@bufbuild/protobuf";
import type { Chat } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import {
  ImportService,
  type ParsedRow,
  type RowProblem,
  type StoredRowSchema,
} from "../../../src/gen/palaver/chat/v1/import_service_pb.js";
import { type Message, type Part, PartSchema } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import type { ContentVector } from "../../vectors/content-vectors.js";

/** What cases do with rows of older systems. All of it is done as the admin, whom the chats belong to then. */

export type Row = MessageInitShape<typeof StoredRowSchema>;

/** Who may import. */
export const importer = { account: "admin" } as const;

type Users = Pick<CaseContext, "client" | "modelName">;

const { method } = ImportService;

/** How rows read, without storing them. Fails with RpcError. */
export async function parseRows(
  { client }: Pick<Users, "client">,
  rows: readonly Row[],
): Promise<ParsedRow[]> {
  const { rows: parsed } = await client(importer).unary(method.parseRows, { rows: [...rows] });
  return parsed;
}

export interface Imported {
  readonly chat: Chat;
  /** Rows that are kept and cannot be read. */
  readonly problems: readonly RowProblem[];
}

/** A chat whose history is these rows. Rejects when the import is refused, or the signal aborts. */
export async function importRows(
  { client, modelName }: Users,
  rows: readonly Row[],
  {
    dialect = "openai",
    signal,
  }: { readonly dialect?: "openai" | "anthropic"; readonly signal?: AbortSignal } = {},
): Promise<Imported> {
  const model = modelName(dialect);
  const call = client(importer).call(method.importMessages, {
    rows: [...rows],
    title: "Imported",
    ...(model === undefined ? {} : { model }),
  });
  return call.until(
    "the result of the import",
    (messages) => {
      const { event } = messages.at(-1) ?? {};
      if (event?.case !== "result" || event.value.chat === undefined) return undefined;
      return { chat: event.value.chat, problems: event.value.problems };
    },
    { signal },
  );
}

/** The row that a vector is about. */
export function rowOf({ role, raw, content_version: contentVersion }: ContentVector): Row {
  return { role, contentVersion, contentJson: raw };
}

/** A row with one part of text, as Palaver stores it. */
export function textRow(role: "system" | "user" | "assistant", text: string): Row {
  return { role, contentVersion: 2, contentJson: JSON.stringify([{ type: "text", text }]) };
}

/** How a row reads: its parts, as protobuf's JSON, or why it has none. */
export type Reading = { readonly parts: readonly unknown[] } | { readonly error: string };

export function readingOf({
  parts,
  error,
}: {
  readonly parts: readonly Part[];
  readonly error: string;
}): Reading {
  return error === "" ? { parts: partsJson(parts) } : { error };
}

/** How a message shows the row that it is. One that cannot be read has no parts: these are shown if there are any. */
export function readingOfMessage({ parts, contentError }: Message): Reading {
  return contentError === "" || parts.length > 0 ? { parts: partsJson(parts) } : { error: contentError };
}

export function readingsOf(messages: Iterable<Message>): Reading[] {
  return [...messages].map(readingOfMessage);
}

/** Of vectors, those that read otherwise than they have to; by id, so that a failure says which. */
export function misreadings(vectors: readonly ContentVector[], readings: readonly Reading[]): object[] {
  return vectors.flatMap(({ id, expect }, index) => {
    const reading = readings[index];
    return isDeepStrictEqual(reading, expect) ? [] : [{ vector: id, expected: expect, observed: reading }];
  });
}

function partsJson(parts: readonly Part[]): unknown[] {
  return parts.map((part) => toJson(PartSchema, part));
}
