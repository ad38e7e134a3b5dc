import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactDetail } from "./redact.js";

describe("a provider's words", () => {
  it.each([
    ["key sk-proj-abc123DEF.", "key [redacted]."],
    ["Incorrect API key provided: sk-ab***xyz. Find", "Incorrect API key provided: [redacted]. Find"],
    ["AIzaSyA-1234_x", "[redacted]"],
    ["Authorization: Bearer abc.def-ghi", "Authorization: [redacted]"],
    ["GET https://x.example/v1?key=abc123&alt=sse", "GET https://x.example/v1?key=[redacted]&alt=sse"],
    ["gsk_abcdefghijkl", "[redacted]"],
    ["the configured one: hunter2!", "the configured one: [redacted]"],
    ["task-force and ask-me stay", "task-force and ask-me stay"],
  ])("%j become %j", (words, clean) => {
    expect(redactDetail(words, ["hunter2!"])).toBe(clean);
  });

  it("are undefined if nothing is left", () => {
    expect(redactDetail(" \n", [])).toBeUndefined();
  });

  it("are cut at 500 code points, never inside one", () => {
    const cut = redactDetail("👩‍🚀".repeat(300), []) ?? "";
    expect(Array.from(cut)).toHaveLength(500);
    expect(cut.isWellFormed()).toBe(true);
  });

  it("never hold a configured key, wherever it stands", () => {
    const key = fc.stringMatching(/^[A-Za-z0-9]{8,40}$/);
    fc.assert(
      fc.property(
        key,
        fc.string(),
        fc.string(),
        (secret, before, after) =>
          !(redactDetail(`${before}${secret}${after}`, [secret]) ?? "").includes(secret),
      ),
    );
  });
});
