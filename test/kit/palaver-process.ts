import { spawn } from "node:child_process";
import { once } from "node:events";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { startProgram } from "../../conformance/surroundings/program.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { nodeCommand, root } from "./compiled-sources.js";
import type { ChatClient } from "./replica.js";

/** What a command of the `palaver` program did. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, from the sources: what was built may be older. */
export async function palaver(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = "",
  command = nodeCommand("src/cli/main.ts"),
): Promise<CommandResult> {
  const { PATH = "" } = process.env;
  const [node, ...main] = command;
  const child = spawn(node, [...main, ...args], {
    cwd: root,
    env: { PATH, ...env },
  });
  // Nothing is left behind when the tests themselves are stopped.
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  child.once("close", () => process.removeListener("exit", end));
  child.stdin.end(input);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...output };
}

/** The command of a server, from the sources likewise. */
export const serveCommand = [...nodeCommand("src/cli/main.ts"), "serve", "--json"] as const;

/** A server in a process of its own, to be stopped with real signals. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  readonly client: ChatClient;
  /** Sends the signal and resolves when the process has ended, with its exit code. */
  kill(signal: "SIGKILL" | "SIGTERM"): Promise<number | null>;
}

export async function startServerProcess(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const program = startProgram({
    command: serveCommand,
    cwd: root,
    env: { PALAVER_LISTEN: "127.0.0.1:0", PALAVER_LOG_LEVEL: "warn", ...env },
  });
  let url: string;
  try {
    ({ url } = (await program.firstLine()) as { url: string });
  } catch (error) {
    await program.kill();
    throw error;
  }
  return {
    url,
    client: createClient(ChatService, createGrpcTransport({ baseUrl: url })),
    kill: async (signal) => {
      const { code } = await (signal === "SIGKILL" ? program.kill() : program.terminate());
      return code;
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
