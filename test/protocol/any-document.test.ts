import { toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { PartSchema } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { contentVersion, decodeContent, encodeContent, partToProto } from "../../src/protocol/index.js";
import { contentVectors } from "../../conformance/vectors/content-vectors.js";

/** In many documents, as text, key and type; in no message. */
const canary = "CaNaRy";
const keys = [
  ...[
    "type",
    "data",
    "text",
    "args",
    "args_json",
    "result",
    "result_json",
    "tool_call_id",
    "tool_name",
    "input",
  ],
  ...[
    "is_error",
    "is_media",
    "provider_executed",
    "provider_metadata",
    "file_id",
    "media_type",
    "name",
    "url",
    "id",
  ],
  ...[
    "file_name",
    "start_line",
    "end_line",
    "content",
    "started_at",
    "created_at",
    "error",
    "__proto__",
    canary,
  ],
];
const types = [
  ...["text", "reasoning", "tool-call", "tool-result", "file", "file-reference", "source", "error", "media"],
  ...["hologram", canary, "", "constructor"],
];
const leaves = [
  null,
  true,
  0,
  7,
  1.5,
  -1,
  1e300,
  "",
  "text",
  canary,
  "0001-01-01T00:00:00Z",
  "AAAA",
  "\ue000\ue001",
];

/** Numbers below a limit, from a seed (mulberry32). A library's arbitraries would take a minute for as many documents. */
function chance(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** Random documents: near to what is stored, real rows with something changed, and texts that are no JSON any more. */
function createDocuments(seed: number): () => string {
  const below = chance(seed);
  const oneOf = <T>(choices: readonly T[]): T => choices[below(choices.length)] as T;
  const anyJson = fc.sample(fc.json(), { numRuns: 2_000, seed });
  const realRows = contentVectors.map(({ raw }) => raw);

  const object = (depth: number): unknown => {
    const entries = Array.from({ length: below(6) }, () => [oneOf(keys), value(depth - 1)] as const);
    return Object.fromEntries([...entries, ...(below(3) > 0 ? [["type", oneOf(types)] as const] : [])]);
  };
  const value = (depth: number): unknown => {
    if (depth === 0 || below(2) === 0) return oneOf(leaves);
    return below(3) === 0 ? Array.from({ length: below(4) }, () => value(depth - 1)) : object(depth);
  };
  /** Replaces, adds or removes something somewhere. */
  const changed = (row: unknown): unknown => {
    if (typeof row !== "object" || row === null || below(6) === 0) return value(2);
    if (Array.isArray(row)) {
      const at = below(row.length + 1);
      return row.toSpliced(at, 1, ...(below(4) === 0 ? [] : [changed(row[at] ?? {})]));
    }
    const entries = Object.entries(row);
    const [key, old] = (below(4) > 0 ? oneOf(entries) : undefined) ?? [oneOf(keys), null];
    const others = entries.filter(([other]) => other !== key);
    return Object.fromEntries(below(5) === 0 ? others : [...others, [key, changed(old)]]);
  };
  const broken = (text: string): string => {
    const at = below(text.length + 1);
    return (
      text.slice(0, at) + oneOf(["", '"', "\\", "]", "{", ",", "1", "\u0000"]) + text.slice(at + below(3))
    );
  };

  return () => {
    switch (below(8)) {
      case 0:
        return oneOf(anyJson);
      case 1:
        return broken(oneOf(realRows));
      case 2:
        return JSON.stringify(value(4));
      case 3:
      case 4:
        return JSON.stringify(Array.from({ length: below(4) }, () => object(3)));
      default:
        return JSON.stringify(changed(JSON.parse(oneOf(realRows))));
    }
  };
}

it("no document crashes the reading of any version for any role, and no message quotes one", () => {
  const seed = fc.sample(fc.noBias(fc.nat()), 1)[0] ?? 0;
  console.info(`the documents come from the seed ${String(seed)}`);
  const next = createDocuments(seed);
  const read = { ok: 0, refused: 0 };
  const roles = ["system", "user", "assistant", "tool"];
  for (let at = 0; at < 100_000; at += 1) {
    const content = next();
    const version = at % 3;
    const role = roles[at % 4] ?? "";
    try {
      const decoded = decodeContent(content, version, role);
      read[decoded.ok ? "ok" : "refused"] += 1;
      if (!decoded.ok) {
        if (decoded.message.includes(canary)) throw new Error(decoded.message);
      } else if (at % 10 === 0) {
        // What was read can be served; it can be written, and read again.
        for (const part of decoded.parts) {
          toJson(PartSchema, partToProto(part));
          toBinary(PartSchema, partToProto(part));
        }
        const again = decodeContent(encodeContent(decoded.parts), contentVersion, role);
        expect(again).toEqual(decoded);
      }
    } catch (cause) {
      const which = `document ${String(at)} of the seed ${String(seed)}, version ${String(version)}, ${role}`;
      throw new Error(`${which}: ${content}`, { cause });
    }
  }
  // Both happen often; otherwise the documents would say little about what is stored.
  expect(read.ok).toBeGreaterThan(10_000);
  expect(read.refused).toBeGreaterThan(10_000);
}, 120_000);
