import { type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { ConnectError, createClient } from "@connectrpc/connect";
import { InvalidArgumentError } from "commander";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import {
  type ImportMessagesRequestSchema,
  type ImportResult,
  ImportResultSchema,
  ImportService,
  type RowProblem,
} from "../gen/palaver/chat/v1/import_service_pb.js";
import { CliError } from "./cli-error.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, type CommandContext, examples } from "./command.js";
import type { Connection } from "./connection.js";
import { exitCode } from "./exit-code.js";
import { type ImportFile, parseImportFile } from "./import-file.js";
import { readTextFile } from "./read-file.js";
import { reasonOf } from "./report-error.js";
import { present } from "./send.js";
import { safeLine } from "./terminal-text.js";
import { writeJsonLine } from "./terminal.js";

interface ImportOptions extends ClientOptions {
  readonly title?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly model?: string;
  readonly dryRun?: true;
}

export const addImportCommand: AddCommand = (program, context) => {
  const command = program
    .command("import")
    .description("make a chat of a history: from an export, or from rows that another system stored")
    .argument("<file>", "JSON Lines, one row a line; - reads standard input")
    .option("--title <text>", "the chat's title (default: the export's, or the first words of the user)")
    .option("--label <key=value>", "a label of the chat; may be given several times", addLabel)
    .option("--model <id>", "the model that goes on with the chat, as provider/model")
    .option("--dry-run", "only list what would be refused or could not be read")
    .addHelpText("after", rowHelp)
    .addHelpText(
      "after",
      examples(
        "palaver import chat.jsonl",
        "palaver import --dry-run rows.jsonl",
        "palaver export ID | palaver import - --url http://127.0.0.1:8817",
      ),
    );
  withClientOptions(command).action(async (path: string, options: ImportOptions) => {
    const file = parseImportFile(await readTextFile(path, context.stdin), path);
    const { header } = file;
    const request = {
      rows: [...file.rows],
      title: options.title ?? header?.title ?? "",
      labels: { ...header?.labels, ...options.label },
      model: options.model ?? header?.model ?? "",
      dryRun: options.dryRun ?? false,
    };
    const result = await withConnection(context, options, (connection) =>
      importMessages(connection, request, file, context),
    );
    printResult(context, options, file, result);
  });
};

const rowHelp = `
Each line is a JSON object:
  role             system, user, assistant or tool
  content_version  0 or 1 for older systems, 2 for Palaver
  content          the content; or raw: its JSON text as a string
  created_at, deleted_at, visibility (both, user, model), compressed, interrupted,
  model, author, usage
                   optional
The first line may be the header that \`palaver export\` writes. Either all rows are imported or none.
`;

async function importMessages(
  { transport }: Connection,
  request: MessageInitShape<typeof ImportMessagesRequestSchema>,
  { lines }: ImportFile,
  { stderr }: CommandContext,
): Promise<ImportResult> {
  const showsProgress = stderr.isTTY === true;
  let result: ImportResult | undefined;
  try {
    for await (const { event } of createClient(ImportService, transport).importMessages(request)) {
      if (event.case === "result") result = event.value;
      if (event.case === "progress" && showsProgress)
        stderr.write(`\r${event.value.rowCount} of ${event.value.totalRowCount} rows`);
    }
  } catch (error) {
    throw error instanceof ConnectError && reasonOf(error) === "INVALID_ROWS"
      ? refusedRows(error, lines)
      : error;
  } finally {
    if (showsProgress) stderr.write("\r\u001b[K");
  }
  return present(result);
}

/** The server's refusal, with lines of the file instead of indices of its request. */
function refusedRows(error: ConnectError, lines: readonly number[]): CliError {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [violation] = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const what =
    violation === undefined
      ? error.rawMessage
      : `${onLine(violation.field, lines)}: ${violation.description}`;
  const others = Number(info?.metadata["row_count"] ?? 1) - 1;
  return new CliError(`The server cannot store ${what}${others > 0 ? `, and ${others} more rows` : ""}.`, {
    reason: "INVALID_ROWS",
    advice: "Nothing was imported. --dry-run lists all such rows.",
    cause: error,
  });
}

/** `rows[3].usage` → `line 5, usage`. */
function onLine(field: string, lines: readonly number[]): string {
  const match = /^rows\[(\d+)\]\.(\w+)$/.exec(field);
  const line = match === null ? undefined : lines[Number(match[1])];
  return line === undefined ? field : `line ${line}, ${match?.[2] ?? ""}`;
}

/** Of an import, no more problems than this are printed: it is done. */
const maxPrinted = 10;

function printResult(
  context: CommandContext,
  { dryRun, json }: ImportOptions,
  { rows, lines }: ImportFile,
  result: ImportResult,
): void {
  const { stdout, stderr } = context;
  const { problems, rowCount, chat } = result;
  const refused = problems.filter(({ error }) => error === "invalid_row").length;
  if (refused > 0) context.finish(exitCode.failed);
  if (json === true) return writeJsonLine(stdout, toJson(ImportResultSchema, result));

  const describe = ({ index, error, message }: RowProblem): string =>
    `line ${lines[index] ?? "?"}: ${safeLine(error)}: ${safeLine(message.replace(/^rows\[\d+\]\./, ""))}\n`;
  const printed = dryRun === true ? problems : problems.slice(0, maxPrinted);
  const out = dryRun === true ? stdout : stderr;
  for (const problem of printed) out.write(describe(problem));
  if (printed.length < problems.length)
    out.write(`… and ${problems.length - printed.length} more; --dry-run lists them all\n`);

  const unreadable = problems.length - refused;
  if (dryRun === true) {
    if (refused > 0) stdout.write(`${refused} of ${rows.length} rows would refuse the import\n`);
    else stdout.write(`${rowCount} rows can be imported, ${unreadable} of them cannot be read\n`);
    return;
  }
  if (unreadable > 0) stderr.write(`${unreadable} rows are kept but cannot be read\n`);
  stdout.write(`imported ${rowCount} rows as chat ${present(chat).id}\n`);
}

function addLabel(text: string, labels: Readonly<Record<string, string>> = {}): Record<string, string> {
  const mark = text.indexOf("=");
  if (mark < 1) throw new InvalidArgumentError("expected key=value");
  return { ...labels, [text.slice(0, mark)]: text.slice(mark + 1) };
}
