import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { ChatClient } from "./replica.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What a command of the `palaver` program did. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, from the sources. */
export async function palaver(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = "",
): Promise<CommandResult> {
  const child = spawnPalaver(args, env);
  child.stdin?.end(input);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...output };
}

/** A server in a process of its own, to be stopped with real signals. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  readonly client: ChatClient;
  /** Sends the signal and resolves when the process has ended, with its exit code. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

export async function startServerProcess(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const child = spawnPalaver(["serve", "--json"], {
    PALAVER_LISTEN: "127.0.0.1:0",
    PALAVER_LOG_LEVEL: "warn",
    ...env,
  });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const exited = once(child, "close") as Promise<[number | null]>;
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const first = await Promise.race([once(lines, "line") as Promise<[string]>, exited.then(() => undefined)]);
  if (first === undefined) throw new Error(`the server ended before it listened: ${stderr}`);
  const { url } = JSON.parse(first[0]) as { url: string };
  const kill = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    const [code] = await exited;
    return code;
  };
  return {
    url,
    client: createClient(ChatService, createGrpcTransport({ baseUrl: url })),
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill("SIGKILL");
    },
  };
}

function spawnPalaver(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], {
    cwd: root,
    env: { PATH, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // Nothing is left behind when the tests themselves are stopped.
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  child.once("close", () => process.removeListener("exit", end));
  return child;
}
