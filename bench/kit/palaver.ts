import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { BenchRun } from "../run/bench-case.js";
import { Child } from "./child.js";
import type { BenchScript } from "./scripts.js";

export interface PalaverOptions {
  readonly bench: BenchRun;
  /** For its scripted models. */
  readonly scripts?: readonly BenchScript[];
  /** Default: an empty one. */
  readonly databaseUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A server under test: the program as it is shipped, in a process of its own. */
export interface Palaver extends AsyncDisposable {
  readonly url: string;
  readonly child: Child;
  readonly client: Client<typeof ChatService>;
  /** A new chat's id. */
  readonly createChat: () => Promise<string>;
  /** Starts a turn. */
  readonly say: (chatId: string, text: string, model: string) => Promise<void>;
}

export async function startPalaver({
  bench,
  scripts = [],
  databaseUrl,
  env = {},
}: PalaverOptions): Promise<Palaver> {
  const scriptFile = join(bench.folder, `${randomUUID()}.json`);
  await writeFile(scriptFile, JSON.stringify(scripts));
  const child = new Child({
    module: "dist/cli/main.js",
    args: ["serve", "--json"],
    nodeOptions: bench.serverNodeOptions,
    env: {
      HOME: tmpdir(),
      PALAVER_LISTEN: "127.0.0.1:0",
      PALAVER_LOG_LEVEL: "warn",
      DATABASE_URL: databaseUrl ?? (await bench.createDatabase()),
      PALAVER_SCRIPTS: scriptFile,
      ...env,
    },
  });
  try {
    const { url } = (await child.firstLine()) as { url: string };
    const sessions = new Http2SessionManager(url);
    const client = createClient(ChatService, createGrpcTransport({ baseUrl: url, sessionManager: sessions }));
    return {
      url,
      child,
      client,
      createChat: async () => (await client.createChat({})).chat?.id ?? "",
      say: async (chatId, text, model) => {
        await client.sendMessage({ chatId, model, parts: [{ kind: { case: "text", value: { text } } }] });
      },
      [Symbol.asyncDispose]: async () => {
        sessions.abort();
        // A profile is written by a process that ends by itself.
        if (bench.serverNodeOptions.length > 0) await child.terminate();
        await child[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
