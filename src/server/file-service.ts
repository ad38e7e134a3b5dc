import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  type File,
  type FileHeader,
  FileSchema,
  type FileService,
  GetFileResponseSchema,
  type UploadFileRequest,
} from "../gen/palaver/chat/v1/file_service_pb.js";
import type { Random } from "../platform/index.js";
import { invalidArgument, PalaverError } from "../protocol/index.js";
import type { FileRecord, Files } from "../store/index.js";
import { callerKey } from "./authenticate.js";
import { UploadBuffer, UploadMemory } from "./file-memory.js";
import { cleanFileName } from "./file-name.js";
import { detectMediaType, extensionFor, supportedTypes } from "./media-type.js";

export interface FileServiceDeps {
  readonly files: Files;
  readonly random: Random;
  /** What uploads may hold at once. Default: a limit for each owner and one for all of them. */
  readonly memory?: UploadMemory | undefined;
}

const maxFileBytes = 10 * 1024 * 1024;

/** What somebody may have uploaded and not yet used; without a bound, uploads alone could fill the disk. */
const maxUnused = { files: 200, bytes: 1024 * 1024 * 1024 };

/**
 * FileService: a file is its owner's alone (ERR-5); an admin may read it, as a chat that shows it (AUTH-2). An upload is held in memory
 * until it is complete, since only then its type is known, and stored in one transaction.
 */
export function createFileService(deps: FileServiceDeps): ServiceImpl<typeof FileService> {
  const { files, random, memory = new UploadMemory() } = deps;
  const inTurn = oneAtATime();

  async function store(context: HandlerContext, givenName: string, data: Uint8Array): Promise<File> {
    if (data.byteLength === 0) throw invalidArgument("EMPTY_FILE", "data", "the file is empty");
    const cleanName = cleanFileName(givenName);
    const mediaType = detectMediaType(data, cleanName);
    if (mediaType === undefined) {
      throw invalidArgument("UNSUPPORTED_FILE_TYPE", "data", `a file can be one of: ${supportedTypes}`);
    }
    const name = cleanName === "" ? `file.${extensionFor(mediaType)}` : cleanName;
    const owner = callerOf(context);
    const file = { id: random.uuid(), owner, name, mediaType, data };
    // The database lets one upload of an owner in at a time; those that wait do not wait with a connection each.
    const stored = await inTurn(owner, async () => {
      context.signal.throwIfAborted();
      return files.put(file, (unused) => {
        // A stream that was given up may just end, and abort a moment later. Nobody would learn the file's id.
        context.signal.throwIfAborted();
        return isAcceptable(unused);
      });
    });
    if (stored === undefined) throw tooManyUnused();
    return fileToProto(stored);
  }

  return {
    async uploadFile(requests, context) {
      const owner = callerOf(context);
      using held = memory.open(owner);
      const buffer = new UploadBuffer(held, maxFileBytes);
      const name = await readUpload(requests, buffer, async ({ sizeBytes }) => {
        // Refused before the bytes are read; what arrives meanwhile is counted when this one is stored.
        if (sizeBytes > maxFileBytes) throw fileTooLarge();
        const { count, bytes } = await files.unnamed(owner);
        if (!isAcceptable({ count: count + 1, bytes: bytes + Number(sizeBytes) })) throw tooManyUnused();
      });
      return { file: await store(context, name, buffer.bytes) };
    },

    async createFile({ name, data }, context) {
      if (data.byteLength > maxFileBytes) throw fileTooLarge();
      using held = memory.open(callerOf(context));
      held.grow(data.byteLength);
      return { file: await store(context, name, data) };
    },

    async *getFile({ fileId }, context) {
      const { owner, role } = context.values.get(callerKey);
      const file = await files.find(fileId, role === "admin" ? undefined : owner);
      if (file === undefined) throw fileNotFound();
      yield create(GetFileResponseSchema, { piece: { case: "file", value: fileToProto(file) } });
      let left = file.sizeBytes;
      for await (const bytes of files.read(file)) {
        left -= bytes.byteLength;
        yield create(GetFileResponseSchema, { piece: { case: "chunk", value: bytes } });
      }
      // Deleted meanwhile: an end without an error would pass for the whole file.
      if (left > 0) throw fileNotFound();
    },

    async deleteFile({ fileId }, context) {
      if (!(await files.delete(fileId, callerOf(context)))) throw fileNotFound();
      return {};
    },
  };
}

function isAcceptable({ count, bytes }: { readonly count: number; readonly bytes: number }): boolean {
  return count <= maxUnused.files && bytes <= maxUnused.bytes;
}

function callerOf(context: HandlerContext): string {
  return context.values.get(callerKey).owner;
}

/** Runs what belongs to one key in the order in which it came, each when the one before is over, however that went. */
function oneAtATime(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(work);
    const over = mine.catch(() => undefined);
    last.set(key, over);
    try {
      return await mine;
    } finally {
      if (last.get(key) === over) last.delete(key);
    }
  };
}

/**
 * Reads all pieces of an upload into the buffer, after `admit` has seen the header; refuses them as soon as there are too many bytes.
 * Resolves to the name in the header.
 */
async function readUpload(
  pieces: AsyncIterable<UploadFileRequest>,
  buffer: UploadBuffer,
  admit: (header: FileHeader) => Promise<void>,
): Promise<string> {
  let header: FileHeader | undefined;
  for await (const { piece } of pieces) {
    if (header === undefined) {
      if (piece.case !== "header") throw invalidUpload("begins with a header");
      header = piece.value;
      await admit(header);
      continue;
    }
    if (piece.case !== "chunk") throw invalidUpload("has one header, and nothing but chunks after it");
    if (!buffer.add(piece.value)) throw fileTooLarge();
  }
  if (header === undefined) throw invalidUpload("begins with a header");
  const { name, sizeBytes } = header;
  if (sizeBytes > 0n && sizeBytes !== BigInt(buffer.bytes.byteLength))
    throw invalidUpload("has as many bytes as its header says");
  return name;
}

function fileToProto({ id, name, mediaType, sizeBytes, createdAt }: FileRecord): File {
  const createTime = timestampFromDate(createdAt);
  return create(FileSchema, { id, name, mediaType, sizeBytes: BigInt(sizeBytes), createTime });
}

function invalidUpload(rule: string): PalaverError {
  return invalidArgument("INVALID_UPLOAD", "piece", `an upload ${rule}`);
}

function fileTooLarge(): PalaverError {
  return new PalaverError(
    "invalid_argument",
    "FILE_TOO_LARGE",
    `A file can have ${maxFileBytes / 1024 / 1024} MiB.`,
    { metadata: { limit_bytes: String(maxFileBytes) } },
  );
}

function tooManyUnused(): PalaverError {
  const { files, bytes } = maxUnused;
  return new PalaverError(
    "resource_exhausted",
    "TOO_MANY_UNUSED_FILES",
    `You can have ${files} files, or 1 GiB, that no message names. Use or delete some; those older than a day are removed.`,
    { metadata: { limit_files: String(files), limit_bytes: String(bytes) } },
  );
}

/** Unknown, or somebody else's: the two are indistinguishable (ERR-5). */
function fileNotFound(): PalaverError {
  return new PalaverError("not_found", "FILE_NOT_FOUND", "There is no such file.");
}
