import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeText, mapStrings, unescapeText } from "./jsonb-text.js";
import { contentVersion, decodeContent, encodeContent } from "./stored-content.js";
import type { StoredPart } from "./stored-part.js";

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom("\u0000", "\ue000", "\ue001", "\ud83d", "\ude00", "é"),
    fc.string({ maxLength: 3 }),
  ),
});

describe("text", () => {
  it("round-trips, but for unpaired surrogates, which become U+FFFD (PART-5)", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(unescapeText(escapeText(text))).toBe(text.toWellFormed());
      }),
    );
  });

  it("holds no U+0000 once escaped", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(escapeText(text)).not.toContain("\u0000");
      }),
    );
    expect(escapeText("a\u0000b\ue000")).toBe("a\ue000\ue001b\ue000\ue000");
  });

  it("is changed in every string of a value, keys included", () => {
    const upper = (text: string): string => text.toUpperCase();
    expect(mapStrings({ a: ["b", 1, null, { c: "d" }] }, upper)).toEqual({ A: ["B", 1, null, { C: "D" }] });
  });
});

describe("content", () => {
  const parts: StoredPart[] = [
    { type: "text", text: "a\u0000" },
    { type: "reasoning", text: "", provider_metadata: { anthropic: { signature: "s" } } },
    { type: "tool-call", tool_call_id: "c", tool_name: "t", args_json: '{"n":12345678901234567890}' },
    { type: "tool-result", tool_call_id: "c", tool_name: "t", result_json: "null" },
    { type: "file", media_type: "image/png", data: "AAAA" },
    { type: "file-reference", file_name: "a.ts", start_line: 1, end_line: 2, content: "x" },
    { type: "source", url: "https://example.com", title: "E" },
  ];

  it("of every kind of part round-trips", () => {
    expect(decodeContent(encodeContent(parts), contentVersion)).toEqual({ ok: true, parts });
  });

  it("without content has no parts", () => {
    expect(decodeContent(null, contentVersion)).toEqual({ ok: true, parts: [] });
  });

  it("of a newer version is refused for this message", () => {
    expect(decodeContent("[]", contentVersion + 1)).toEqual({ ok: false, error: "unsupported_version" });
  });

  it("that is malformed is reported, and unknown kinds are passed over", () => {
    expect(decodeContent('"text"', contentVersion)).toEqual({ ok: false, error: "malformed_content" });
    expect(decodeContent('[{"type":"text"}]', contentVersion)).toEqual({
      ok: false,
      error: "malformed_content",
    });
    const content = '[{"type":"hologram","x":1},{"type":"text","text":"hi","later":true}]';
    expect(decodeContent(content, contentVersion)).toEqual({
      ok: true,
      parts: [{ type: "text", text: "hi" }],
    });
  });

  it("never throws on any JSON", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(["true", "false"]).toContain(String(decodeContent(json, contentVersion).ok));
      }),
    );
  });
});
