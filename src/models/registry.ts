import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModelV3, LanguageModelV3CallOptions } from "@ai-sdk/provider";
import { type Clock, type Random, systemRandom } from "../platform/index.js";
import { createAiSdkModel } from "./ai-sdk-model.js";
import { PalaverError } from "../protocol/index.js";
import { defaultScript } from "./default-script.js";
import type { Model, ModelRegistry } from "./model.js";
import { createNumberMarks } from "./number-marks.js";
import { loadScripts, type Script } from "./script.js";
import { createScriptedModel } from "./scripted-model.js";

/** Which models there are. A provider without a key (for openai-compatible: without a base URL) does not exist. */
export interface ModelsConfig {
  /** "provider/model". */
  readonly defaultModelId: string;
  /** For openai/… (Responses) and openai-chat/… (Chat Completions). */
  readonly openai?: ProviderAccess | undefined;
  readonly anthropic?: ProviderAccess | undefined;
  readonly google?: ProviderAccess | undefined;
  readonly openaiCompatible?: CompatibleAccess | undefined;
  /** A file or folder with scripts for scripted/…; one named "default" replaces the built-in one. */
  readonly scripts?: string | undefined;
}

export interface ProviderAccess {
  readonly apiKey: string;
  /** Up to and including the version, for example "https://api.openai.com/v1"; the provider's own by default. */
  readonly baseUrl?: string | undefined;
}

export interface CompatibleAccess {
  readonly baseUrl: string;
  readonly apiKey?: string | undefined;
  /** What provider metadata is filed under. */
  readonly name?: string | undefined;
}

/** What a provider needs to make a model of a name. */
interface Provider {
  readonly languageModel: (name: string) => LanguageModelV3;
  readonly secrets: readonly string[];
  readonly providerOptions?: LanguageModelV3CallOptions["providerOptions"];
}

/**
 * Finds models for ids "provider/model": openai, openai-chat, anthropic, google, openai-compatible, and scripted, which is always there.
 *
 * @throws PalaverError INVALID_CONFIGURATION if the scripts cannot be read; it names file and place.
 */
export function createModelRegistry(
  config: ModelsConfig,
  deps: { readonly clock: Clock; readonly random?: Random },
): ModelRegistry {
  const { mark: markNumber, fetch } = createNumberMarks((deps.random ?? systemRandom).uuid());
  const providers = createProviders(config, fetch);
  const loaded = config.scripts === undefined ? [] : loadConfiguredScripts(config.scripts);
  const scripts = new Map<string, Script>([defaultScript, ...loaded].map((script) => [script.name, script]));

  function resolve(modelId: string): Model | undefined {
    const slash = modelId.indexOf("/");
    if (slash <= 0 || slash === modelId.length - 1) return undefined;
    const provider = modelId.slice(0, slash);
    const name = modelId.slice(slash + 1);
    if (provider === "scripted") {
      const script = scripts.get(name);
      return script === undefined ? undefined : createScriptedModel(script, deps);
    }
    const found = providers.get(provider);
    if (found === undefined) return undefined;
    const { languageModel, ...settings } = found;
    return createAiSdkModel({
      provider,
      id: modelId,
      languageModel: languageModel(name),
      clock: deps.clock,
      markNumber,
      ...settings,
    });
  }

  function whyNot(modelId: string): string {
    const slash = modelId.indexOf("/");
    if (slash <= 0 || slash === modelId.length - 1) return "A model id has the form provider/model.";
    const provider = modelId.slice(0, slash);
    if (provider === "scripted")
      return scripts.has(modelId.slice(slash + 1)) ? "" : "The server has no script of this name.";
    if (providers.has(provider)) return "";
    const variable = variableOfProvider.get(provider);
    return variable === undefined ? "The server knows no such provider." : `The server has no ${variable}.`;
  }

  return {
    defaultModelId: config.defaultModelId,
    resolve,
    whyNot,
    available: () => [
      ...[...providers.keys()].map((name) => `${name}/<model>`),
      ...[...scripts.keys()].map((name) => `scripted/${name}`),
    ],
  };
}

/** What switches each provider on. */
const variableOfProvider: ReadonlyMap<string, string> = new Map([
  ["openai", "OPENAI_API_KEY"],
  ["openai-chat", "OPENAI_API_KEY"],
  ["anthropic", "ANTHROPIC_API_KEY"],
  ["google", "GOOGLE_GENERATIVE_AI_API_KEY"],
  ["openai-compatible", "OPENAI_COMPATIBLE_BASE_URL"],
]);

function loadConfiguredScripts(location: string): Script[] {
  try {
    return loadScripts(location);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new PalaverError("invalid_argument", "INVALID_CONFIGURATION", `PALAVER_SCRIPTS: ${message}`, {
      cause,
    });
  }
}

function createProviders(
  { openai, anthropic, google, openaiCompatible }: ModelsConfig,
  fetch: typeof globalThis.fetch,
): Map<string, Provider> {
  const providers = new Map<string, Provider>();
  // Addresses are always given: otherwise the packages look for them in the environment, past our configuration.
  if (openai !== undefined && openai.apiKey !== "") {
    const provider = createOpenAI({
      apiKey: openai.apiKey,
      baseURL: openai.baseUrl ?? "https://api.openai.com/v1",
      fetch,
    });
    const secrets = [openai.apiKey];
    // Nothing is kept at the provider: reasoning comes back encrypted and goes out again from our history.
    const providerOptions = { openai: { store: false } };
    providers.set("openai", { languageModel: (name) => provider.responses(name), secrets, providerOptions });
    providers.set("openai-chat", { languageModel: (name) => provider.chat(name), secrets, providerOptions });
  }
  if (anthropic !== undefined && anthropic.apiKey !== "") {
    const provider = createAnthropic({
      apiKey: anthropic.apiKey,
      baseURL: anthropic.baseUrl ?? "https://api.anthropic.com/v1",
      fetch,
    });
    providers.set("anthropic", {
      languageModel: (name) => provider.languageModel(name),
      secrets: [anthropic.apiKey],
    });
  }
  if (google !== undefined && google.apiKey !== "") {
    const baseURL = google.baseUrl ?? "https://generativelanguage.googleapis.com/v1beta";
    const provider = createGoogleGenerativeAI({ apiKey: google.apiKey, baseURL, fetch });
    providers.set("google", {
      languageModel: (name) => provider.languageModel(name),
      secrets: [google.apiKey],
    });
  }
  if (openaiCompatible !== undefined && openaiCompatible.baseUrl !== "") {
    const { baseUrl, apiKey, name: metadataName = "compatible" } = openaiCompatible;
    const key = apiKey === undefined || apiKey === "" ? undefined : apiKey;
    const provider = createOpenAICompatible({
      name: metadataName,
      baseURL: baseUrl,
      includeUsage: true,
      fetch,
      ...(key !== undefined && { apiKey: key }),
    });
    providers.set("openai-compatible", {
      languageModel: (name) => provider.languageModel(name),
      secrets: key === undefined ? [] : [key],
    });
  }
  return providers;
}
