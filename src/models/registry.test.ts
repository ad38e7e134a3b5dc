import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../platform/index.js";
import { createModelRegistry, type ModelsConfig } from "./registry.js";

const registry = (config: Partial<ModelsConfig> = {}) =>
  createModelRegistry({ defaultModelId: "scripted/default", ...config }, { clock: new ManualClock() });

describe("the registry", () => {
  it("always has the scripted model", () => {
    expect(registry().resolve("scripted/default")).toMatchObject({
      provider: "scripted",
      id: "scripted/default",
    });
    expect(registry().available()).toEqual(["scripted/default"]);
  });

  it("resolves configured providers only", () => {
    const models = registry({
      openai: { apiKey: "k" },
      openaiCompatible: { baseUrl: "http://localhost:1/v1" },
    });
    expect(models.resolve("openai/gpt-5")).toMatchObject({ provider: "openai", id: "openai/gpt-5" });
    expect(models.resolve("openai-chat/gpt-5")).toMatchObject({
      provider: "openai-chat",
      id: "openai-chat/gpt-5",
    });
    expect(models.resolve("openai-compatible/llama")).toMatchObject({ provider: "openai-compatible" });
    expect(models.resolve("anthropic/claude")).toBeUndefined();
    expect(models.resolve("google/gemini")).toBeUndefined();
    expect(models.available()).toEqual([
      "openai/<model>",
      "openai-chat/<model>",
      "openai-compatible/<model>",
      "scripted/default",
    ]);
  });

  it("does not resolve a provider without its key, or without its address", () => {
    const models = registry({
      openai: { apiKey: "" },
      anthropic: { apiKey: "" },
      google: { apiKey: "" },
      openaiCompatible: { baseUrl: "", apiKey: "k" },
    });
    expect(models.available()).toEqual(["scripted/default"]);
  });

  it.each([
    ["openai/gpt-5", "The server has no OPENAI_API_KEY."],
    ["openai-chat/gpt-5", "The server has no OPENAI_API_KEY."],
    ["anthropic/claude", "The server has no ANTHROPIC_API_KEY."],
    ["google/gemini", "The server has no GOOGLE_GENERATIVE_AI_API_KEY."],
    ["openai-compatible/llama", "The server has no OPENAI_COMPATIBLE_BASE_URL."],
    ["mistral/large", "The server knows no such provider."],
    ["scripted/none", "The server has no script of this name."],
    ["gpt-5", "A model id has the form provider/model."],
    ["scripted/default", ""],
  ])("says why %j does not resolve", (id, why) => {
    expect(registry().whyNot(id)).toBe(why);
  });

  it("takes scripts that cannot be read for a wrong configuration", () => {
    expect(() => registry({ scripts: "/nonexistent" })).toThrow(
      expect.objectContaining({
        reason: "INVALID_CONFIGURATION",
        message: "PALAVER_SCRIPTS: There is no file or folder /nonexistent",
      }),
    );
    const notJson = fileURLToPath(import.meta.url);
    expect(() => registry({ scripts: notJson })).toThrow(
      expect.objectContaining({
        reason: "INVALID_CONFIGURATION",
        message: expect.stringMatching(/^PALAVER_SCRIPTS: The script file .* is not valid JSON/) as string,
      }),
    );
  });

  it("splits ids at the first slash", () => {
    const models = registry({ openaiCompatible: { baseUrl: "http://localhost:1/v1" } });
    expect(models.resolve("openai-compatible/org/model")?.id).toBe("openai-compatible/org/model");
  });

  it.each([
    "",
    "/",
    "openai",
    "openai/",
    "/gpt-5",
    "unknown/x",
    "scripted/none",
    "constructor/x",
    "__proto__/x",
  ])("knows no %j", (id) => {
    expect(registry({ openai: { apiKey: "k" } }).resolve(id)).toBeUndefined();
  });
});
