import { createHash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type Chats,
  fileIdsOf,
  type Idempotency,
  type ImportControl,
  type ImportedChat,
  titleFrom,
} from "../chat/index.js";
import {
  type ImportMessagesRequest,
  ImportMessagesRequestSchema,
  type ImportMessagesResponse,
  ImportMessagesResponseSchema,
  type ImportResult,
  ImportResultSchema,
  type ImportService,
  type ParsedRow,
  type RowProblem,
  RowProblemSchema,
  type StoredRow,
  StoredRowSchema,
} from "../gen/palaver/chat/v1/import_service_pb.js";
import type { ModelRegistry } from "../models/index.js";
import { type Clock, type Random, Wakeup } from "../platform/index.js";
import {
  chatToProto,
  type FieldViolation,
  invalidArgument,
  isUuid,
  PalaverError,
} from "../protocol/index.js";
import type { RawMessage } from "../store/index.js";
import { callerKey } from "./authenticate.js";
import { checkRow, parseRow } from "./import-rows.js";
import { requestHash } from "./request-hash.js";

export interface ImportServiceDeps {
  readonly chats: Chats;
  readonly models: ModelRegistry;
  readonly clock: Clock;
  readonly random: Random;
}

/** ImportService: histories of other systems become chats of the caller. */
export function createImportService(deps: ImportServiceDeps): ServiceImpl<typeof ImportService> {
  const { chats, models, clock } = deps;
  return {
    async parseRows({ rows }, { signal }) {
      const pause = pauses(clock, signal);
      const parsed: ParsedRow[] = [];
      for (const row of rows) {
        parsed.push(parseRow(row));
        await pause(row);
      }
      return { rows: parsed };
    },

    async *importMessages(request, { signal, values }) {
      const { owner } = values.get(callerKey);
      const model = request.model === "" ? models.defaultModelId : request.model;
      const checked = await checkRows(request.rows, owner, clock, signal);
      if (request.dryRun) {
        assertModel(models, model);
        yield resultEvent(dryRunResult(checked));
        return;
      }
      if (checked.faults.length > 0) throw invalidRows(checked.faults);
      const newChat = (): ImportedChat => {
        assertModel(models, model);
        return {
          id: deps.random.uuid(),
          owner,
          title: request.title.trim() === "" ? checked.title : request.title,
          labels: request.labels,
          model,
          rows: checked.rows,
          fileIds: [...checked.fileIds],
        };
      };
      const start = (control: ImportControl): Promise<ImportResult> =>
        chats.import(
          newChat,
          (chat) =>
            create(ImportResultSchema, {
              chat: chatToProto(chat),
              rowCount: checked.rows.length,
              problems: [...checked.problems],
            }),
          control,
          idempotencyOf(owner, request),
        );
      yield* followImport(start, checked.rows.length, signal);
    },
  };
}

/**
 * Progress, as far as the client reads it, and then the result. The import does not wait for the client, so that a slow one does not keep
 * a transaction open. Leaving gives the import up; it has ended when the iteration has.
 */
async function* followImport(
  start: (control: ImportControl) => Promise<ImportResult>,
  totalRowCount: number,
  signal: AbortSignal,
): AsyncGenerator<ImportMessagesResponse> {
  const leaving = new AbortController();
  const news = new Wakeup();
  const state = { stored: 0, over: false };
  const importing = start({
    signal: AbortSignal.any([signal, leaving.signal]),
    stored: (rowCount) => {
      state.stored = rowCount;
      news.notify();
    },
  }).finally(() => {
    state.over = true;
    news.notify();
  });
  try {
    let told = 0;
    for (;;) {
      await news.wait(signal);
      if (state.over || signal.aborted) break;
      // A transaction that is repeated after a conflict counts anew.
      if (state.stored <= told) continue;
      told = state.stored;
      yield create(ImportMessagesResponseSchema, {
        event: { case: "progress", value: { rowCount: told, totalRowCount } },
      });
    }
    yield resultEvent(await importing);
  } finally {
    leaving.abort();
    await importing.catch(() => undefined);
  }
}

interface CheckedRows {
  readonly rows: readonly RawMessage[];
  /** Rows that can be stored and not be read. */
  readonly problems: readonly RowProblem[];
  /** What refuses the import. */
  readonly faults: readonly (FieldViolation & { readonly index: number })[];
  /** Made from what the user said first. */
  readonly title: string;
  readonly fileIds: ReadonlySet<string>;
}

/** After so much, whoever else waits for this process has a turn. */
const sliceRows = 500;
const sliceChars = 1024 * 1024;

/** To be called after each row: waits now and then. */
function pauses(clock: Clock, signal: AbortSignal): (row: StoredRow) => Promise<void> {
  let slice = { rows: 0, chars: 0 };
  return async ({ contentJson = "" }) => {
    slice = { rows: slice.rows + 1, chars: slice.chars + contentJson.length };
    if (slice.rows < sliceRows && slice.chars < sliceChars) return;
    slice = { rows: 0, chars: 0 };
    await clock.sleep(0, { signal });
  };
}

async function checkRows(
  stored: readonly StoredRow[],
  caller: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<CheckedRows> {
  const rows: RawMessage[] = [];
  const problems: RowProblem[] = [];
  const faults: (FieldViolation & { index: number })[] = [];
  const fileIds = new Set<string>();
  let title: string | undefined;
  const pause = pauses(clock, signal);
  for (const [index, storedRow] of stored.entries()) {
    const checked = checkRow(storedRow, index, caller);
    if (checked.fault !== undefined) {
      faults.push({ ...checked.fault, index });
    } else {
      const { row, content } = checked;
      rows.push(row);
      const named = content.ok ? fileIdsOf(content.parts) : [];
      for (const id of named.filter(isUuid)) fileIds.add(id);
      if (!content.ok) {
        problems.push(create(RowProblemSchema, { index, error: content.error, message: content.message }));
      } else if (row.role === "user" && row.hiddenAt === undefined && row.visibility !== "model") {
        title ??= titleFrom(content.parts);
      }
    }
    await pause(storedRow);
  }
  return { rows, problems, faults, title: title ?? titleFrom([]), fileIds };
}

/** Nothing would be stored if one row refuses the import. */
function dryRunResult({ rows, problems, faults }: CheckedRows): ImportResult {
  const refused = faults.map(({ index, field, description }) =>
    create(RowProblemSchema, { index, error: "invalid_row", message: `${field}: ${description}` }),
  );
  return create(ImportResultSchema, {
    rowCount: faults.length > 0 ? 0 : rows.length,
    problems: [...problems, ...refused].sort((a, b) => a.index - b.index),
  });
}

/** Errors name no more than this; a dry run names all. */
const maxListed = 10;

function invalidRows(faults: readonly FieldViolation[]): PalaverError {
  const [first] = faults;
  const others = faults.length - 1;
  const more = others === 0 ? "" : ` ${others} more cannot be stored either; a dry run lists them all.`;
  return new PalaverError(
    "invalid_argument",
    "INVALID_ROWS",
    `${first?.field ?? "rows"}: ${first?.description ?? ""}.${more}`,
    { metadata: { row_count: String(faults.length) }, fieldViolations: faults.slice(0, maxListed) },
  );
}

function assertModel(models: ModelRegistry, model: string): void {
  if (models.resolve(model) !== undefined) return;
  const available = models.available().join(", ");
  const why = `there is no model "${model}" here. ${models.whyNot(model)} Available: ${available}.`;
  throw invalidArgument("UNKNOWN_MODEL", "model", why);
}

function resultEvent(result: ImportResult): ImportMessagesResponse {
  return create(ImportMessagesResponseSchema, { event: { case: "result", value: result } });
}

function idempotencyOf(owner: string, request: ImportMessagesRequest): Idempotency<ImportResult> | undefined {
  if (request.idempotencyKey === "") return undefined;
  return {
    owner,
    key: request.idempotencyKey,
    requestHash: importHash(request),
    encode: (result) => toBinary(ImportResultSchema, result),
    decode: (bytes) => fromBinary(ImportResultSchema, bytes),
  };
}

/** As {@link requestHash}, without a JSON form of all rows in memory. */
function importHash(request: ImportMessagesRequest): Uint8Array {
  const hash = createHash("sha256").update(
    requestHash(ImportMessagesRequestSchema, { ...request, rows: [] }),
  );
  for (const row of request.rows) {
    const bytes = toBinary(StoredRowSchema, row);
    hash.update(`${bytes.byteLength} `).update(bytes);
  }
  return hash.digest();
}
