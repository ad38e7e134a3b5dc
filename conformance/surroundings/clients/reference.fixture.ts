import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProgram } from "../program.js";
import type { ScriptedModel } from "../scripted-model/scripted-model.js";

/** The reference implementation, started as anybody starts it, with an embedded database of its own. */
export interface Reference extends AsyncDisposable {
  readonly url: string;
}

export const openAiModel = "openai-compatible/scripted";
export const anthropicModel = "anthropic/scripted";

export async function startReference(
  model: ScriptedModel,
  env: Readonly<Record<string, string>> = {},
): Promise<Reference> {
  const home = await mkdtemp(join(tmpdir(), "palaver-conformance-"));
  const program = startProgram({
    command: [process.execPath, "--import", "tsx", "src/cli/main.ts", "serve", "--json"],
    cwd: fileURLToPath(new URL("../../../", import.meta.url)),
    env: {
      HOME: home,
      PALAVER_DATA_DIR: join(home, "data"),
      PALAVER_LISTEN: "127.0.0.1:0",
      PALAVER_LOG_LEVEL: "warn",
      PALAVER_DRAIN_GRACE: "0s",
      OPENAI_COMPATIBLE_BASE_URL: model.baseUrl("r1"),
      ANTHROPIC_BASE_URL: `${model.baseUrl("r1")}/v1`,
      ANTHROPIC_API_KEY: "key",
      ...env,
    },
  });
  const dispose = async (): Promise<void> => {
    await program[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  };
  try {
    const { url } = (await program.firstLine()) as { url: string };
    return { url, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
