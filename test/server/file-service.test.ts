import { create, toBinary } from "@bufbuild/protobuf";
import { createClient, type Client } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type File,
  FileHeaderSchema,
  FileService,
  type GetFileResponse,
  type UploadFileRequest,
  UploadFileRequestSchema,
} from "../../src/gen/palaver/chat/v1/file_service_pb.js";
import { systemClock, systemRandom } from "../../src/platform/index.js";
import { UploadMemory } from "../../src/server/file-memory.js";
import { createFileService, type RpcServer, startRpcServer } from "../../src/server/index.js";
import { type Database, databaseFiles, type Files } from "../../src/store/index.js";
import { engines, openTestDatabase } from "../kit/databases.js";
import { GrpcJsClient } from "../kit/grpc-js-client.js";
import { RawHttp2Request } from "../kit/raw-http2-client.js";
import { openTcpGate } from "../kit/tcp-gate.js";
import { until } from "../kit/until.js";
import { type LogLine, recordingLogger } from "./test-server.js";
import { connectWire, errorOf, type WireName, wires } from "./wire-clients.js";

const mebibyte = 1024 * 1024;
const maxFileBytes = 10 * mebibyte;
const unknown = "00000000-0000-4000-8000-000000000000";

type FileClient = Client<typeof FileService>;
type Piece = { piece: NonNullable<UploadFileRequest["piece"]> };

/** An image as far as anyone looks, of that many bytes, no two alike. */
function png(bytes: number): Uint8Array<ArrayBuffer> {
  const data = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) data.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1").copy(data);
  return new Uint8Array(data);
}

const header = (name: string, sizeBytes = 0n): Piece => ({
  piece: { case: "header", value: create(FileHeaderSchema, { name, sizeBytes }) },
});
const chunk = (value: Uint8Array<ArrayBuffer>): Piece => ({ piece: { case: "chunk", value } });

async function* pieces(
  name: string,
  data: Uint8Array<ArrayBuffer>,
  size = 256 * 1024,
): AsyncGenerator<Piece> {
  yield header(name);
  for (let at = 0; at < data.byteLength; at += size) yield chunk(data.subarray(at, at + size));
}

async function read(
  responses: AsyncIterable<GetFileResponse>,
): Promise<{ file: File; data: Buffer; sizes: number[] }> {
  let file: File | undefined;
  const chunks: Uint8Array[] = [];
  for await (const { piece } of responses) {
    if (piece.case === "file") {
      if (file !== undefined || chunks.length > 0) throw new Error("the file comes first, and once");
      file = piece.value;
    } else if (piece.case === "chunk") chunks.push(piece.value);
  }
  if (file === undefined) throw new Error("there was no file");
  return { file, data: Buffer.concat(chunks), sizes: chunks.map(({ byteLength }) => byteLength) };
}

const present = (file: File | undefined): File => {
  if (file === undefined) throw new Error("the server left out the file");
  return file;
};

describe.each(engines)("FileService on %s", (engine) => {
  let opened: Awaited<ReturnType<typeof openTestDatabase>>;
  let database: Database;
  let server: RpcServer;
  let lines: LogLine[];
  /** Whose uploads have begun: the server has read their header. */
  const begun = new Set<string>();
  /** How many files of an owner are being stored, and how many were at most. */
  const storing = new Map<string, { now: number; most: number }>();
  beforeAll(async () => {
    opened = await openTestDatabase(engine);
    database = opened.database;
    const stored = databaseFiles(database);
    const files: Files = {
      ...stored,
      unnamed: (owner) => stored.unnamed(owner).finally(() => begun.add(owner)),
      put: async (file, accepts) => {
        const atOnce = (storing.get(file.owner)?.now ?? 0) + 1;
        const most = Math.max(atOnce, storing.get(file.owner)?.most ?? 0);
        storing.set(file.owner, { now: atOnce, most });
        return stored.put(file, accepts).finally(() => {
          storing.set(file.owner, { now: atOnce - 1, most });
        });
      },
    };
    const recording = recordingLogger();
    lines = recording.lines;
    const memory = new UploadMemory({ ownerBytes: 48 * mebibyte, serverBytes: 96 * mebibyte });
    server = await startRpcServer({
      host: "127.0.0.1",
      port: 0,
      // A token is its owner's name.
      access: {
        kind: "tokens",
        verifier: {
          verify: async (owner) => ({ owner, role: owner === "root" ? "admin" : "user", tokenId: owner }),
        },
      },
      services: (router) =>
        router.service(FileService, createFileService({ files, random: systemRandom, memory })),
      limits: { maxMessageBytes: 16 * mebibyte },
      clock: systemClock,
      random: systemRandom,
      logger: recording.logger,
    });
  });
  afterAll(async () => {
    await server.close({ graceMs: 0 });
    await opened[Symbol.asyncDispose]();
  });

  let people = 0;
  /** Somebody who has uploaded nothing yet. */
  const somebody = (): string => `person-${(people += 1)}`;
  const as = (owner: string) => ({ headers: { authorization: `Bearer ${owner}` } });

  function clientOf(wire: WireName): { files: FileClient } & Disposable {
    const { transport, [Symbol.dispose]: dispose } = connectWire(wire, server.url);
    return { files: createClient(FileService, transport), [Symbol.dispose]: dispose };
  }

  async function countFiles(owner: string): Promise<number> {
    const statement = {
      name: "test_count_files",
      text: "select count(*) as count from files where owner = $1",
    };
    const [row] = await database.query<{ count: number }>(statement, [owner]);
    return row?.count ?? -1;
  }

  it.each(wires)("over %s takes a file in one piece or in many, and gives it back in order", async (wire) => {
    using client = clientOf(wire);
    const owner = somebody();
    const data = png(700_001);
    const uploaded = present(
      (await client.files.uploadFile(pieces("C:\\pictures\\cat.png", data), as(owner))).file,
    );
    const created = present((await client.files.createFile({ name: "", data }, as(owner))).file);
    expect(uploaded).toMatchObject({ name: "cat.png", mediaType: "image/png", sizeBytes: 700_001n });
    expect(created).toMatchObject({ name: "file.png", mediaType: "image/png", sizeBytes: 700_001n });
    for (const file of [uploaded, created]) {
      const got = await read(client.files.getFile({ fileId: file.id }, as(owner)));
      expect(got.file).toEqual(file);
      expect(got.data.equals(data)).toBe(true);
      expect(got.sizes).toEqual([262_144, 262_144, 175_713]);
    }
    await client.files.deleteFile({ fileId: uploaded.id }, as(owner));
    const gone = { code: "NotFound", reason: "FILE_NOT_FOUND" };
    expect(await errorOf(read(client.files.getFile({ fileId: uploaded.id }, as(owner))))).toMatchObject(gone);
    expect(await errorOf(client.files.deleteFile({ fileId: uploaded.id }, as(owner)))).toMatchObject(gone);
    expect(await countFiles(owner)).toBe(1);
  });

  it("takes an upload of grpc-js, a client that shares no code with us", async () => {
    using client = new GrpcJsClient(FileService, server.url);
    const owner = somebody();
    const options = { header: as(owner).headers };
    const data = png(3 * mebibyte);
    const file = present((await client.clientStream("uploadFile", pieces("a.png", data), options)).file);
    const got = await read(client.serverStream("getFile", { fileId: file.id }, options));
    expect(got.data.equals(data)).toBe(true);
    const tooLarge = pieces("a.png", png(maxFileBytes + 1));
    expect(await errorOf(client.clientStream("uploadFile", tooLarge, options))).toMatchObject({
      code: "InvalidArgument",
      reason: "FILE_TOO_LARGE",
    });
  });

  it("shows a file to nobody but its owner and admins, and lets its owner alone delete it", async () => {
    using client = clientOf("grpc");
    const [ada, eve] = [somebody(), somebody()];
    const { id: fileId } = present(
      (await client.files.createFile({ name: "a", data: png(20) }, as(ada))).file,
    );
    const foreign = await errorOf(read(client.files.getFile({ fileId }, as(eve))));
    expect(foreign).toEqual(await errorOf(read(client.files.getFile({ fileId: unknown }, as(eve)))));
    expect(foreign).toMatchObject({ code: "NotFound", reason: "FILE_NOT_FOUND" });
    for (const other of [eve, "root"]) {
      expect(await errorOf(client.files.deleteFile({ fileId }, as(other)))).toEqual(
        await errorOf(client.files.deleteFile({ fileId: unknown }, as(other))),
      );
    }
    expect((await read(client.files.getFile({ fileId }, as("root")))).data.byteLength).toBe(20);
    expect(await errorOf(read(client.files.getFile({ fileId: "1; drop" }, as(eve))))).toMatchObject({
      reason: "INVALID_REQUEST",
      fields: ["file_id"],
    });
  });

  it.each(["connect-binary-h1", "connect-binary-h2", "grpc", "grpc-web-h1"] as const)(
    "over %s takes 10 MiB and not a byte more",
    async (wire) => {
      using client = clientOf(wire);
      const owner = somebody();
      const largest = png(maxFileBytes);
      const tooLarge = png(maxFileBytes + 1);
      expect(present((await client.files.createFile({ data: largest }, as(owner))).file).sizeBytes).toBe(
        10_485_760n,
      );
      await client.files.uploadFile(pieces("", largest, mebibyte), as(owner));
      const refused = {
        code: "InvalidArgument",
        reason: "FILE_TOO_LARGE",
        metadata: { limit_bytes: String(maxFileBytes) },
      };
      expect(await errorOf(client.files.createFile({ data: tooLarge }, as(owner)))).toMatchObject(refused);
      expect(await errorOf(client.files.uploadFile(pieces("", tooLarge), as(owner)))).toMatchObject(refused);
      expect(await countFiles(owner)).toBe(2);
    },
  );

  it("takes 10 MiB in a request of JSON, where they are a third more", { timeout: 60_000 }, async () => {
    using client = clientOf("connect-json-h1");
    const { file } = await client.files.createFile({ data: png(maxFileBytes) }, as(somebody()));
    expect(present(file).sizeBytes).toBe(10_485_760n);
  });

  it("stops reading an endless upload", async () => {
    using client = clientOf("grpc");
    const data = new Uint8Array(256 * 1024);
    async function* endless(): AsyncGenerator<Piece> {
      yield header("a.txt");
      for (;;) yield chunk(data);
    }
    expect(await errorOf(client.files.uploadFile(endless(), as(somebody())))).toMatchObject({
      reason: "FILE_TOO_LARGE",
    });
  });

  it.each<[string, string, Piece[]]>([
    ["nothing", "INVALID_UPLOAD", []],
    ["a chunk first", "INVALID_UPLOAD", [chunk(png(20)), header("a.png")]],
    ["a second header", "INVALID_UPLOAD", [header("a.png"), chunk(png(20)), header("b.png")]],
    ["fewer bytes than announced", "INVALID_UPLOAD", [header("a.png", 21n), chunk(png(20))]],
    ["more bytes than announced", "INVALID_UPLOAD", [header("a.png", 19n), chunk(png(20))]],
    ["less than nothing", "INVALID_REQUEST", [header("a.png", -1n)]],
    ["no bytes", "EMPTY_FILE", [header("a.png")]],
    ["empty chunks", "EMPTY_FILE", [header("a.png"), chunk(new Uint8Array(0))]],
    ["a chunk of more than 1 MiB", "INVALID_REQUEST", [header("a.png"), chunk(png(mebibyte + 1))]],
    ["a name of more than 4 KiB", "INVALID_REQUEST", [header("x".repeat(4097)), chunk(png(20))]],
    [
      "an archive",
      "UNSUPPORTED_FILE_TYPE",
      [header("a.txt"), chunk(new Uint8Array([80, 75, 3, 4, 20, 0, 0, 0]))],
    ],
  ])("refuses an upload of %s with %s", async (_what, reason, sent) => {
    using client = clientOf("connect-binary-h2");
    const owner = somebody();
    async function* upload(): AsyncGenerator<Piece> {
      yield* sent;
    }
    const error = await errorOf(client.files.uploadFile(upload(), as(owner)));
    expect(error).toMatchObject({ code: "InvalidArgument", reason });
    expect(await countFiles(owner)).toBe(0);
  });

  it("says what a file can be when it is something else", async () => {
    using client = clientOf("connect-json-h1");
    const data = new Uint8Array([77, 90, 144, 0]);
    const error = await errorOf(client.files.createFile({ name: "a.png", data }, as(somebody())));
    expect(error).toMatchObject({ reason: "UNSUPPORTED_FILE_TYPE", fields: ["data"] });
    expect(error.message).toContain("PNG, JPEG, GIF and WebP images, PDF, and text in UTF-8");
  });

  const uploadsEnded = (): number =>
    lines.filter(({ fields }) => fields["method"] === "palaver.chat.v1.FileService/UploadFile").length;

  it.each(wires)("stores nothing of an upload over %s that the client gives up", async (wire) => {
    using client = clientOf(wire);
    const owner = somebody();
    const before = uploadsEnded();
    const abort = new AbortController();
    async function* upload(): AsyncGenerator<Piece> {
      // Some clients end what they give up: without the size it could pass for a shorter file.
      yield header("a.png", 2000n);
      yield chunk(png(1000));
      await until(() => begun.has(owner), { what: "the upload has begun" });
      abort.abort();
      await until(() => uploadsEnded() > before, { what: "the server is through with the upload" });
    }
    expect(
      await errorOf(client.files.uploadFile(upload(), { ...as(owner), signal: abort.signal })),
    ).toMatchObject({ code: "Canceled" });
    await until(() => uploadsEnded() > before, { what: "the server is through with the upload" });
    expect(await countFiles(owner)).toBe(0);
  });

  it("bounds what uploads hold in memory, whether they go on or not", async () => {
    using client = clientOf("grpc");
    const owner = somebody();
    const abort = new AbortController();
    const before = uploadsEnded();
    let sent = 0;
    async function* stalled(): AsyncGenerator<Piece> {
      yield* pieces("a.png", png(9 * mebibyte));
      sent += 1;
      await until(() => abort.signal.aborted, { what: "the upload is given up" });
    }
    const options = { ...as(owner), signal: abort.signal };
    const stalling = Array.from({ length: 4 }, () => errorOf(client.files.uploadFile(stalled(), options)));
    await until(() => sent === 4, { what: "four uploads to be sent but for their end" });
    const full = {
      code: "ResourceExhausted",
      reason: "TOO_MANY_UPLOADS",
      metadata: { limit_bytes: String(48 * mebibyte) },
    };
    const fifth = (): Promise<unknown> => client.files.createFile({ data: png(maxFileBytes) }, as(owner));
    // What is sent may not have been read yet.
    await until(
      async () =>
        fifth().then(
          () => false,
          () => true,
        ),
      { what: "a fifth one to be refused" },
    );
    expect(await errorOf(fifth())).toMatchObject(full);
    await client.files.createFile({ data: png(maxFileBytes) }, as(somebody()));
    abort.abort();
    await Promise.all(stalling);
    await until(() => uploadsEnded() >= before + 4, { what: "the uploads to be over" });
    await client.files.createFile({ data: png(maxFileBytes) }, as(owner));
  });

  it("stores the files of one owner one after the other, so that they do not take all connections", async () => {
    using client = clientOf("grpc");
    const owner = somebody();
    await Promise.all(
      Array.from({ length: 20 }, () => client.files.createFile({ data: png(1000) }, as(owner))),
    );
    expect(storing.get(owner)).toEqual({ now: 0, most: 1 });
    expect(await countFiles(owner)).toBe(20);
  });

  it("stores nothing of an upload that a client resets without having ended it", async () => {
    const owner = somebody();
    const before = uploadsEnded();
    using request = await RawHttp2Request.open(server.url, {
      ":path": "/palaver.chat.v1.FileService/UploadFile",
      "content-type": "application/grpc",
      te: "trailers",
      ...as(owner).headers,
    });
    for (const piece of [header("a.png"), chunk(png(1000))]) {
      request.write(
        encodeEnvelope(0, toBinary(UploadFileRequestSchema, create(UploadFileRequestSchema, piece))),
      );
    }
    await until(() => begun.has(owner), { what: "the upload has begun" });
    request.cancel();
    await until(() => uploadsEnded() > before, { what: "the server is through with the upload" });
    expect(await countFiles(owner)).toBe(0);
  });

  it.each(["connect-binary-h1", "connect-binary-h2", "grpc", "grpc-web-h1"] as const)(
    "stores nothing of an upload over %s whose connection breaks",
    async (wireName) => {
      const owner = somebody();
      const before = uploadsEnded();
      await using gate = await openTcpGate({ host: "127.0.0.1", port: server.port });
      using wire = connectWire(wireName, `http://127.0.0.1:${gate.port}`);
      const client = createClient(FileService, wire.transport);
      async function* upload(): AsyncGenerator<Piece> {
        yield header("a.png");
        yield chunk(png(100_000));
        await until(() => begun.has(owner), { what: "the upload has begun" });
        gate.sever();
        await until(() => uploadsEnded() > before, { what: "the server is through with the upload" });
      }
      await expect(client.uploadFile(upload(), as(owner))).rejects.toThrow();
      await until(() => uploadsEnded() > before, { what: "the server is through with the upload" });
      expect(await countFiles(owner)).toBe(0);
    },
  );

  describe("bounds what nobody uses:", () => {
    const full = { code: "ResourceExhausted", reason: "TOO_MANY_UNUSED_FILES" };
    const data = png(20);

    async function fill(owner: string, count: number): Promise<void> {
      const statement = {
        name: "test_fill_files",
        text: `insert into files (id, owner, name, media_type, size_bytes, data)
          select gen_random_uuid(), $1, 'a', 'text/plain', 1, 'a' from generate_series(1, $2::integer)`,
      };
      await database.execute(statement, [owner, count]);
    }

    it("of many uploads at once only those succeed that have room", async () => {
      using client = clientOf("grpc");
      const owner = somebody();
      await fill(owner, 197);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 12 }, (_, index) =>
          index % 2 === 0
            ? client.files.createFile({ data }, as(owner))
            : client.files.uploadFile(pieces("", data), as(owner)),
        ),
      );
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
      expect(await countFiles(owner)).toBe(200);
      expect(await errorOf(client.files.createFile({ data }, as(owner)))).toMatchObject({
        ...full,
        metadata: { limit_files: "200", limit_bytes: "1073741824" },
      });
      await client.files.createFile({ data }, as(somebody()));
    });

    it("an upload without room is refused before its bytes are sent", async () => {
      using client = clientOf("grpc");
      const owner = somebody();
      await fill(owner, 200);
      const answered = new AbortController();
      async function* upload(): AsyncGenerator<Piece> {
        yield header("a.png");
        await new Promise((resolve) => answered.signal.addEventListener("abort", resolve));
      }
      const refused = errorOf(client.files.uploadFile(upload(), as(owner)));
      expect(await refused).toMatchObject(full);
      answered.abort();
    });

    it("bytes count too, and what a message names does not", async () => {
      using client = clientOf("grpc");
      const owner = somebody();
      await client.files.createFile({ data }, as(owner));
      const taken = {
        name: "test_set_file_size",
        text: "update files set size_bytes = $2 where owner = $1 and octet_length(data) = 20",
      };
      await database.execute(taken, [owner, 2 ** 30 - 19]);
      expect(await errorOf(client.files.createFile({ data }, as(owner)))).toMatchObject(full);
      await database.execute(taken, [owner, 2 ** 30 - 20]);
      await client.files.createFile({ data: png(20) }, as(owner));
      await database.execute(taken, [owner, 2 ** 29]);
      expect(await errorOf(client.files.uploadFile(pieces("", png(25)), as(owner)))).toMatchObject(full);
      const named = { name: "test_name_files", text: "update files set named = true where owner = $1" };
      await database.execute(named, [owner]);
      await client.files.uploadFile(pieces("", png(25)), as(owner));
    });
  });

  it("ends with an error when the file is deleted while it is read", async () => {
    using client = clientOf("grpc");
    const owner = somebody();
    const { id: fileId } = present(
      (await client.files.createFile({ data: png(maxFileBytes) }, as(owner))).file,
    );
    const responses = client.files.getFile({ fileId }, as(owner))[Symbol.asyncIterator]();
    await responses.next();
    await client.files.deleteFile({ fileId }, as(owner));
    const rest = async (): Promise<void> => {
      while ((await responses.next()).done !== true);
    };
    expect(await errorOf(rest())).toMatchObject({ code: "NotFound", reason: "FILE_NOT_FOUND" });
  });

  it("logs neither names nor bytes", async () => {
    using client = clientOf("grpc");
    const data = new Uint8Array(Buffer.from("canary-content"));
    await client.files.createFile({ name: "canary-name.txt", data }, as(somebody()));
    await errorOf(
      client.files.createFile({ name: "canary-name.txt", data: new Uint8Array([0]) }, as(somebody())),
    );
    expect(JSON.stringify(lines)).not.toContain("canary");
  });
});
