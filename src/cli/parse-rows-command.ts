import { toJson } from "@bufbuild/protobuf";
import { PartSchema } from "../gen/palaver/chat/v1/message_pb.js";
import { decodeContent, partToProto } from "../protocol/index.js";
import { type AddCommand, examples } from "./command.js";
import { elementSlices } from "./json-slices.js";
import { invalidFile, numberedLines, readTextFile } from "./read-file.js";
import { readStoredContent, type StoredContent } from "./stored-row.js";

export const addParseRowsCommand: AddCommand = (program, context) => {
  program
    .command("parse-rows")
    .description(
      "say how stored rows read, without a server; `palaver import --dry-run` asks one whether it stores them",
    )
    .argument("<files...>", "a row as JSON, an array of them, or JSON Lines; - reads standard input")
    .addHelpText("after", parseHelp)
    .addHelpText("after", examples("palaver parse-rows rows/*.json", "palaver parse-rows - < rows.jsonl"))
    .action(async (paths: readonly string[]) => {
      for (const path of paths) {
        const text = await readTextFile(path, context.stdin);
        for (const row of rowsOf(text, path)) context.stdout.write(`${parsed(row)}\n`);
      }
    });
};

const parseHelp = `
A row is {id, role, content_version, raw}, raw being the JSON text of its content; content, the content itself,
will do as well. Each row gives one line: {id, parts}, or {id, error, message} if it cannot be read.
`;

/** JSON text. The id is as it stands in the row: printed anew, large numbers would be others. */
function parsed({ idJson = '""', role, contentVersion, contentJson }: StoredContent): string {
  const content = decodeContent(contentJson ?? null, contentVersion, role);
  const read = content.ok
    ? { parts: content.parts.map((part) => toJson(PartSchema, partToProto(part))) }
    : { error: content.error, message: content.message };
  return `{"id":${idJson},${JSON.stringify(read).slice(1)}`;
}

/** The rows of a file. @throws CliError INVALID_FILE at the first thing that is no row */
function* rowsOf(text: string, path: string): Generator<StoredContent> {
  for (const { where, json } of piecesOf(text)) {
    let row: StoredContent;
    try {
      row = readStoredContent(json);
    } catch (error) {
      throw invalidFile(path, `${where}${(error as Error).message}`);
    }
    yield row;
  }
}

function piecesOf(text: string): { where: string; json: string }[] {
  if (isJson(text)) {
    if (!text.trimStart().startsWith("[")) return [{ where: "", json: text }];
    return elementSlices(text).map((json, index) => ({ where: `row ${index + 1}: `, json }));
  }
  return numberedLines(text).map(({ number, line }) => ({ where: `line ${number}: `, json: line }));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
