import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Level, requirements } from "./requirements.js";

const protocol = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");

/** `- **ID** text`, and the indented lines after it. */
function rulesOf(markdown: string): Map<string, string> {
  const rules = new Map<string, string>();
  let id: string | undefined;
  for (const line of markdown.split("\n")) {
    const begin = /^- \*\*([A-Z]+-\d+)\*\* (.*)$/.exec(line);
    if (begin !== null) {
      id = begin[1] ?? "";
      expect(rules.has(id), `${id} is defined once`).toBe(false);
      rules.set(id, begin[2] ?? "");
    } else if (id !== undefined && /^ {2}\S/.test(line)) {
      rules.set(id, `${rules.get(id) ?? ""} ${line.trim()}`);
    } else {
      id = undefined;
    }
  }
  return rules;
}

function levelOf(text: string): Level {
  const sentences = text.split(/(?<=[.:])\s+(?=[A-Z])/);
  const levels = sentences.map((sentence) =>
    /\bSHOULD\b/.test(sentence) ? "SHOULD" : /\bMAY\b/.test(sentence) ? "MAY" : "MUST",
  );
  return levels.includes("MUST") ? "MUST" : levels.includes("SHOULD") ? "SHOULD" : "MAY";
}

describe("the requirements", () => {
  const rules = [...rulesOf(protocol)].map(([id, text]) => {
    const plain = text.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1");
    return [id, { level: levelOf(plain), text: plain }];
  });

  it("are the rules of docs/protocol.md, word for word and in its order", () => {
    expect(Object.entries(requirements)).toEqual(rules);
  });

  it("leave out no rule that the protocol names anywhere", () => {
    const named = protocol.match(/\b[A-Z]{3,}-\d+\b/g) ?? [];
    const others = new Set(named.filter((id) => !Object.hasOwn(requirements, id)));
    // What is no rule but looks like one.
    expect([...others].filter((id) => !/^(AIP|SHA)-/.test(id))).toEqual([]);
  });
});
