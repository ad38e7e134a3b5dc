import { open } from "node:fs/promises";
import { basename } from "node:path";
import type { Client } from "@connectrpc/connect";
import type { FileService } from "../gen/palaver/chat/v1/file_service_pb.js";
import { CliError } from "./cli-error.js";
import type { Connection } from "./connection.js";
import { reportOf } from "./report-error.js";
import { present } from "./send.js";
import { safeLine } from "./terminal-text.js";
import type { Output, Surroundings } from "./terminal.js";

const chunkBytes = 256 * 1024;
/** Smaller files are through before anyone could read a percentage. */
const minBytesToTell = 1024 * 1024;

/** `--file` of the commands that send a message: adds one more path. */
export function collectPath(path: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, path];
}

/**
 * Uploads files one after the other; their ids in the same order. All of them are looked at before the first one is sent.
 *
 * @throws CliError that names the file
 */
export async function uploadFiles(
  { files, url }: Connection,
  paths: readonly string[],
  { stderr, env }: Pick<Surroundings, "stderr" | "env">,
): Promise<string[]> {
  for (const path of paths) await sizeOf(path);
  const canErase = stderr.isTTY === true && env["TERM"] !== "dumb";
  const ids: string[] = [];
  for (const path of paths) {
    try {
      ids.push(await uploadFile(files, path, canErase ? stderr : undefined));
    } catch (error) {
      const report = reportOf(error, url);
      throw CliError.from({ ...report, message: `${path}: ${report.message}` }, error);
    }
  }
  return ids;
}

async function uploadFile(
  files: Client<typeof FileService>,
  path: string,
  terminal: Output | undefined,
): Promise<string> {
  const sizeBytes = await sizeOf(path);
  using progress = new Progress(terminal, basename(path), sizeBytes);
  async function* pieces() {
    const header = { name: basename(path), sizeBytes: BigInt(sizeBytes) };
    yield { piece: { case: "header" as const, value: header } };
    await using file = await open(path);
    for await (const value of file.createReadStream({ highWaterMark: chunkBytes }) as AsyncIterable<Buffer>) {
      yield { piece: { case: "chunk" as const, value: new Uint8Array(value) } };
      progress.add(value.byteLength);
    }
  }
  return present((await files.uploadFile(pieces())).file).id;
}

/** @throws CliError FILE_UNREADABLE */
async function sizeOf(path: string): Promise<number> {
  let why = "it is no file";
  let cause: unknown;
  try {
    await using file = await open(path);
    const stat = await file.stat();
    if (stat.isFile()) return stat.size;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    why = code === "ENOENT" ? "there is no such file" : (code ?? "unknown failure");
    cause = error;
  }
  throw new CliError(`Cannot read ${path}: ${why}.`, { reason: "FILE_UNREADABLE", cause });
}

/** How far an upload is, in place, for people who wait at a terminal. */
class Progress implements Disposable {
  readonly #terminal: Output | undefined;
  readonly #name: string;
  readonly #sizeBytes: number;
  #sentBytes = 0;

  constructor(terminal: Output | undefined, name: string, sizeBytes: number) {
    this.#terminal = sizeBytes < minBytesToTell ? undefined : terminal;
    this.#name = safeLine(name);
    this.#sizeBytes = sizeBytes;
  }

  add(bytes: number): void {
    this.#sentBytes += bytes;
    const percent = Math.min(100, Math.floor((this.#sentBytes / this.#sizeBytes) * 100));
    this.#terminal?.write(`\r\u001b[2K[uploading ${this.#name}: ${percent} %]`);
  }

  [Symbol.dispose](): void {
    this.#terminal?.write("\r\u001b[2K");
  }
}
