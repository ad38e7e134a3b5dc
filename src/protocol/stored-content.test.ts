import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isEnvelope } from "./envelope.js";
import { escapeText, mapStrings, unescapeText } from "./jsonb-text.js";
import { contentVersion, decodeContent, encodeContent } from "./stored-content.js";
import { anyPart, anyText, partArbitraries } from "./stored-part.fixture.js";
import { type StoredPart, storedPartSchema } from "./stored-part.js";

const roles = ["system", "user", "assistant", "tool"];

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
  const read = (content: string | null, version = contentVersion, role = "user") =>
    decodeContent(content, version, role);
  const malformed = (message: string) => ({ ok: false, error: "malformed_content", message });

  it("of every kind of part round-trips", () => {
    fc.assert(
      fc.property(fc.array(anyPart), fc.constantFrom(...roles), (parts, role) => {
        const wellFormed = mapStrings(parts, (text) => text.toWellFormed());
        expect(read(encodeContent(parts), contentVersion, role)).toEqual({ ok: true, parts: wellFormed });
      }),
    );
  });

  it("is written again as it was, with numbers that a double would change", () => {
    const content =
      '[{"type":"text","text":"a","provider_metadata":{"p":{"big":12345678901234567890,"float":0.10000000000000000001,"n":7}}}]';
    const decoded = read(content);
    expect(encodeContent(decoded.ok ? decoded.parts : [])).toBe(content);
  });

  it.each([0, 1, contentVersion])("without content has no parts in version %s", (version) => {
    for (const role of roles) {
      expect(read(null, version, role)).toEqual({ ok: true, parts: [] });
      expect(read(" null ", version, role)).toEqual({ ok: true, parts: [] });
    }
  });

  it.each([contentVersion + 1, 32767, -1, 0.5, Number.NaN])(
    "of version %s is refused for this message",
    (version) => {
      expect(read("[]", version)).toMatchObject({ ok: false, error: "unsupported_version" });
      // Also where there is nothing to read: what that means is up to that version.
      expect(read(null, version)).toMatchObject({ ok: false, error: "unsupported_version" });
    },
  );

  it.each([0, 1, contentVersion])(
    "of a role that is newer than we are is refused in version %s",
    (version) => {
      for (const role of ["narrator", "", "User", "constructor"]) {
        expect(read("[]", version, role)).toMatchObject({ ok: false, error: "unsupported_role" });
      }
    },
  );

  it("that is malformed is reported, with the element that is", () => {
    expect(read('"text"')).toEqual(malformed("user content of version 2: an array is expected"));
    expect(read('[{"type":"text","text":"a"},{"type":"text","text":5}]', 1, "tool")).toEqual(
      malformed("tool content of version 1: element 1: text: Invalid input: expected string"),
    );
    expect(
      read('[{"type":"text","data":{"text":"a"}},{"type":"hologram","data":{}}]', 0, "assistant"),
    ).toEqual(malformed("assistant content of version 0: element 1: a block of unknown type"));
    expect(read('[{"type":"text","text":"a"},7]')).toEqual(
      malformed("user content of version 2: element 1: an object is expected"),
    );
  });

  it.each([0, 1, contentVersion])("that is no JSON is reported in version %s", (version) => {
    for (const text of ["", "hello", "[", '"\u0000"', "[1,]", "{a:1}"]) {
      expect(read(text, version)).toEqual(malformed(`user content of version ${version}: no valid JSON`));
    }
  });

  it.each([0, 1, contentVersion])("that is nested without end is reported in version %s", (version) => {
    const depth = 200_000;
    const deep = "[".repeat(depth) + "]".repeat(depth);
    const message = `assistant content of version ${version}: nested more than 500 levels deep`;
    expect(read(deep, version, "assistant")).toEqual(malformed(message));
    const part = `[{"type":"text","text":"a","provider_metadata":{"p":{"a":${deep}}}}]`;
    expect(read(part, version, "assistant")).toEqual(malformed(message));
  });

  it("has the arguments of an envelope's call left out where they are nested without end", () => {
    const input = JSON.stringify('{"a":'.repeat(200_000));
    const content = `[{"type":"tool-call","data":{"tool_call_id":"c","tool_name":"t","input":${input}}}]`;
    expect(read(content, 0, "assistant")).toEqual({
      ok: true,
      parts: [{ type: "tool-call", tool_call_id: "c", tool_name: "t" }],
    });
  });

  it("does not change the world that it is read in", () => {
    const hostile =
      '[{"type":"text","text":"a","__proto__":{"polluted":1},"provider_metadata":{"__proto__":{"polluted":1}}}]';
    for (const version of [0, 1, contentVersion]) expect(read(hostile, version).ok).toBe(true);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it.each([
    "0000-12-31T00:00:00Z",
    "2026-01-02T03:04:05+01:00",
    "10000-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "",
  ])("with the time %s, which cannot be served, is malformed", (time) => {
    const content = JSON.stringify([{ type: "reasoning", text: "a", started_at: time }]);
    expect(read(content)).toMatchObject({ ok: false, error: "malformed_content" });
  });

  it("of an older system has its times in UTC, with all digits; the first and the last that there are included", () => {
    const times = (started_at: string) =>
      read(JSON.stringify([{ type: "reasoning", text: "a", started_at }]), 1);
    const startsAt = (started_at: string) => ({
      ok: true,
      parts: [{ type: "reasoning", text: "a", started_at }],
    });
    expect(times("2026-01-01T00:30:00.123456789+01:00")).toEqual(startsAt("2025-12-31T23:30:00.123456789Z"));
    expect(times("9999-12-31T23:59:59.999999999Z")).toEqual(startsAt("9999-12-31T23:59:59.999999999Z"));
    expect(times("0001-01-01T00:00:00Z")).toEqual({ ok: true, parts: [{ type: "reasoning", text: "a" }] });
    expect(times("9999-12-31T23:59:59-01:00")).toMatchObject({ ok: false, error: "malformed_content" });
  });

  it("keeps well-formed what unpaired surrogates came into", () => {
    for (const version of [0, 1, contentVersion]) {
      expect(read('[{"type":"text","text":"a\\ud800b"}]', version)).toEqual({
        ok: true,
        parts: [{ type: "text", text: "a\uFFFDb" }],
      });
    }
  });
});

describe("an envelope", () => {
  /** One of each kind, as simple as it can be. A kind that is added has to be added here: the type demands it. */
  const variants: { readonly [Type in StoredPart["type"]]: Extract<StoredPart, { type: Type }> } = {
    text: { type: "text", text: "a" },
    reasoning: { type: "reasoning", text: "a" },
    "tool-call": { type: "tool-call", tool_call_id: "c", tool_name: "t", args_json: '{"data":{}}' },
    "tool-result": { type: "tool-result", tool_call_id: "c", tool_name: "t", result_json: '{"data":{}}' },
    file: { type: "file", media_type: "image/png", data: "AAAA" },
    "file-reference": { type: "file-reference", file_name: "a", start_line: 1, end_line: 1, content: "x" },
    source: { type: "source", url: "https://example.com" },
  };

  it.each(Object.values(variants))("is never what a part of type $type looks like", (part) => {
    expect(storedPartSchema.parse(part)).toEqual(part);
    expect(isEnvelope(part)).toBe(false);
    const enveloped = { ...part, data: { text: "a" } };
    expect(isEnvelope(enveloped)).toBe(true);
    // Where a part has data of its own, the schema keeps it from being an object; elsewhere it is no field.
    const read = storedPartSchema.safeParse(enveloped);
    expect(read.success && "data" in read.data).toBe(false);
  });

  it.each(Object.entries(partArbitraries))(
    "is never what any stored part of type %s looks like",
    (_type, part) => {
      fc.assert(
        fc.property(part as fc.Arbitrary<StoredPart>, (stored) => {
          const [element] = JSON.parse(encodeContent([stored])) as unknown[];
          expect(isEnvelope(element)).toBe(false);
        }),
      );
    },
  );
});
