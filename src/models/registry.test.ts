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
