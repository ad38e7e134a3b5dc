import { createClient, type Client } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { FileService } from "../../src/gen/palaver/chat/v1/file_service_pb.js";
import { engines } from "../kit/databases.js";
import { finish, type ProviderServer, startProviderServer, text } from "../kit/provider-server/index.js";
import { errorOf } from "../server/wire-clients.js";
import { says, startTestReplica, type TestReplica } from "../kit/replica.js";

const providers = ["openai", "anthropic", "google"] as const;

const image = Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01", "latin1");
const pdf = Buffer.from("%PDF-1.7 some pages");
const notes = "# Notes\nThe secret word is xylophone.";

describe.each(engines)("a turn with files on %s", (engine) => {
  let server: ProviderServer;
  let replica: TestReplica;
  let files: Client<typeof FileService>;
  beforeAll(async () => {
    server = await startProviderServer();
    replica = await startTestReplica({ engine, providers: server });
    files = createClient(FileService, createGrpcTransport({ baseUrl: replica.url }));
  });
  afterAll(async () => {
    await replica[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  async function upload(name: string, data: Uint8Array): Promise<string> {
    const { file } = await files.createFile({ name, data: new Uint8Array(data) });
    if (file === undefined) throw new Error("the server left out the file");
    return file.id;
  }

  const shows = (id: string) => ({
    kind: { case: "file" as const, value: { content: { case: "fileId" as const, value: id } } },
  });

  it.each(providers)("shows %s images and PDFs as bytes, and text as text", async (provider) => {
    const script = await server.script([text("I see."), finish("stop")]);
    const parts = [
      shows(await upload("dot.png", image)),
      shows(await upload("paper.pdf", pdf)),
      shows(await upload("notes.md", Buffer.from(notes))),
      ...says("What is this?"),
    ];
    const { chat, messages } = await replica.client.createChat({
      model: `${provider}/${script.model}`,
      parts,
    });
    await replica.watch(chat?.id ?? "").status(ChatStatus.WAITING);
    expect(
      messages[0]?.parts.map(({ kind }) => kind.case === "file" && [kind.value.name, kind.value.mediaType]),
    ).toEqual([
      ["dot.png", "image/png"],
      ["paper.pdf", "application/pdf"],
      ["notes.md", "text/markdown"],
      false,
    ]);
    const [request] = await script.requests();
    const told = JSON.stringify(request?.body);
    expect(told).toContain(image.toString("base64"));
    expect(told).toContain(pdf.toString("base64"));
    expect(told).toContain(JSON.stringify(notes).slice(1, -1));
    expect(told).toContain("notes.md");
  });

  it("tells the model that a file is gone once it is deleted, and a message of a file alone is answered", async () => {
    const script = await server.script([text("A dot."), finish("stop")], [text("Gone."), finish("stop")]);
    const id = await upload("dot.png", image);
    const { chat } = await replica.client.createChat({
      model: `anthropic/${script.model}`,
      parts: [shows(id)],
    });
    const chatId = chat?.id ?? "";
    const watch = replica.watch(chatId);
    await watch.status(ChatStatus.WAITING);
    await files.deleteFile({ fileId: id });
    const mark = watch.mark;
    await replica.client.sendMessage({ chatId, parts: says("And now?") });
    await watch.status(ChatStatus.WAITING, mark);
    const [first, second] = (await script.requests()).map(({ body }) => JSON.stringify(body));
    expect(first).toContain(image.toString("base64"));
    expect(second).not.toContain(image.toString("base64"));
    expect(second).toContain('File \\"dot.png\\" (image/png): its content is no longer available');
    const { messages } = await replica.client.listMessages({ chatId });
    expect(messages[0]?.parts[0]?.kind).toMatchObject({ case: "file", value: { name: "dot.png" } });
  });

  it("a repeated request has the same answer although its file is gone", async () => {
    const script = await server.script([text("A dot."), finish("stop")]);
    const id = await upload("dot.png", image);
    const model = `anthropic/${script.model}`;
    const request = { model, parts: [shows(id)], idempotencyKey: `files on ${engine}` };
    const created = await replica.client.createChat(request);
    await replica.watch(created.chat?.id ?? "").status(ChatStatus.WAITING);
    await files.deleteFile({ fileId: id });
    expect(await replica.client.createChat(request)).toEqual(created);
  });

  it.each([
    ["inline bytes", { case: "data" as const, value: new Uint8Array([1]) }, "UNSUPPORTED_PART"],
    ["no content", { case: undefined }, "INVALID_PART"],
    ["an id that is none", { case: "fileId" as const, value: "1' or '1'='1" }, "INVALID_PART"],
    [
      "an unknown id",
      { case: "fileId" as const, value: "00000000-0000-4000-8000-000000000000" },
      "FILE_NOT_FOUND",
    ],
  ])("a message with %s is refused", async (_what, content, reason) => {
    const parts = [{ kind: { case: "file" as const, value: { content } } }];
    expect(await errorOf(replica.client.createChat({ parts }))).toMatchObject({ reason });
  });
});
