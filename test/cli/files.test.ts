import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { finish, type ProviderServer, startProviderServer, text } from "../kit/provider-server/index.js";
import { newChat, startTestReplica, type TestReplica } from "../kit/replica.js";
import { runPalaver } from "./run-palaver.js";

const mebibyte = 1024 * 1024;
const pngHead = Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1");

describe("--file", () => {
  let server: ProviderServer;
  let replica: TestReplica;
  let folder: string;
  beforeAll(async () => {
    server = await startProviderServer();
    replica = await startTestReplica({ providers: server });
    folder = await mkdtemp(join(tmpdir(), "palaver-files-"));
  });
  afterAll(async () => {
    await replica[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function put(name: string, data: Uint8Array | string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, data);
    return path;
  }

  const onServer = (...args: string[]): string[] => [...args, "--url", replica.url];

  test("sends files before the text, in the order in which they are given", async () => {
    const script = await server.script([text("A dot and a note."), finish("stop")]);
    const image = await put("dot.png", pngHead);
    const note = await put("note.md", "the note");
    const model = `anthropic/${script.model}`;
    const args = onServer("chat", "--model", model, "--file", image, "--file", note, "what is this?");
    expect(await runPalaver(args)).toMatchObject({ exitCode: 0, stdout: "A dot and a note.\n" });
    const [request] = await script.requests();
    const told = JSON.stringify(request?.body);
    const places = [pngHead.toString("base64"), "the note", "what is this?"].map((said) =>
      told.indexOf(said),
    );
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  test("needs no text, and works with send", async () => {
    const chatId = await newChat(replica.client, "scripted/default");
    const path = await put("dot.png", pngHead);
    const sent = await runPalaver(onServer("send", chatId, "--file", path), { terminal: true });
    expect(sent).toEqual({ exitCode: 0, stdout: "sent as message 1\n", stderr: "" });
    const shown = await runPalaver(onServer("show", chatId));
    expect(shown.stdout).toContain("[file dot.png, image/png]");
  });

  test("tells at a terminal how far a large upload is, and takes it back", async () => {
    const chatId = await newChat(replica.client, "scripted/default");
    const path = await put("large.png", Buffer.concat([pngHead, Buffer.alloc(2 * mebibyte)]));
    const { exitCode, stderr } = await runPalaver(onServer("send", chatId, "look", "--file", path), {
      terminal: true,
    });
    expect(exitCode).toBe(0);
    expect(stderr).toContain("[uploading large.png: 100 %]");
    expect(stderr.endsWith("\r\u001b[2K")).toBe(true);
    const piped = await runPalaver(onServer("send", chatId, "look", "--file", path));
    expect(piped.stderr).toBe("");
  });

  test.each([
    ["is missing", "nowhere.png", undefined, 1, "there is no such file. [FILE_UNREADABLE]"],
    ["is a folder", ".", undefined, 1, "it is no file. [FILE_UNREADABLE]"],
    ["is empty", "empty.txt", 0, 1, "the file is empty [EMPTY_FILE]"],
    ["is too large", "large.txt", 10 * mebibyte + 1, 1, "A file can have 10 MiB. [FILE_TOO_LARGE]"],
    ["is much too large", "huge.txt", 40 * mebibyte, 1, "A file can have 10 MiB. [FILE_TOO_LARGE]"],
    [
      "is of no supported kind",
      "a.zip",
      Buffer.from("PK\u0003\u0004"),
      1,
      "and text in UTF-8 [UNSUPPORTED_FILE_TYPE]",
    ],
  ] as const)("says which file %s, and sends nothing", async (_what, name, content, code, complaint) => {
    const path =
      content === undefined
        ? join(folder, name)
        : await put(name, typeof content === "number" ? Buffer.alloc(content, "a") : content);
    const chatId = await newChat(replica.client, "scripted/default");
    const result = await runPalaver(onServer("send", chatId, "look", "--file", path));
    expect(result).toMatchObject({ exitCode: code, stdout: "" });
    expect(result.stderr).toContain(`${path}: `);
    expect(result.stderr).toContain(complaint);
    expect((await replica.client.listMessages({ chatId })).messages).toEqual([]);
  });
});
