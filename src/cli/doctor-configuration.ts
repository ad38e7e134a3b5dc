import type { Config } from "../config/index.js";
import { PalaverError } from "../protocol/index.js";
import type { CommandContext } from "./command.js";
import type { Finding } from "./doctor-finding.js";
import { configFor, type DatabaseOptions } from "./open-database.js";
import { reportOf } from "./report-error.js";

/** Whether the configuration is valid, and what it says then. */
export function checkConfiguration(
  context: CommandContext,
  options: DatabaseOptions,
): { finding: Finding; config?: Config } {
  const check = "configuration";
  try {
    return { finding: { check, status: "ok", detail: "valid" }, config: configFor(context, options) };
  } catch (error) {
    if (!PalaverError.is(error)) throw error;
    return {
      finding: {
        check,
        status: "failed",
        detail: error.message,
        advice: "docs/configuration.md describes all variables.",
      },
    };
  }
}

/** Whether turns can have the default model, as far as can be told without asking the provider. */
export async function checkModel(config: Config, { clock }: CommandContext): Promise<Finding> {
  const check = "default model";
  const { defaultModel } = config.models;
  // On demand: the composition root brings everything with it.
  const { openModels } = await import("../replica.js");
  try {
    openModels(config, clock);
  } catch (error) {
    return { check, status: "failed", detail: reportOf(error).message };
  }
  if (!defaultModel.startsWith("scripted/"))
    return { check, status: "ok", detail: `${defaultModel} (the key is set; the provider was not asked)` };
  const advice = "For a real model, set a provider's key and PALAVER_MODEL.";
  return { check, status: "ok", detail: `${defaultModel} (offline: it recites a script)`, advice };
}
