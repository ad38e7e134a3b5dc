import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findRule, loadScripts, type Script, type ScriptSituation, scriptSchema } from "./script.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "palaver-scripts-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: unknown): string => {
  const location = path.join(folder, name);
  writeFileSync(location, typeof content === "string" ? content : JSON.stringify(content));
  return location;
};
const script = (name: string): object => ({ name, turns: [{ steps: [{ text: name }] }] });

describe("script files", () => {
  it("hold one script or many, alone or in a folder", () => {
    const one = file("b.json", script("one"));
    file("a.json", [script("two"), script("three")]);
    file("notes.txt", "not a script");
    expect(loadScripts(one).map(({ name }) => name)).toEqual(["one"]);
    expect(loadScripts(folder).map(({ name }) => name)).toEqual(["two", "three", "one"]);
  });

  it.each([
    ["that is no JSON", "{", /bad\.json is not valid JSON/],
    [
      "with an unknown step",
      { name: "x", turns: [{ steps: [{ txet: "a" }] }] },
      /bad\.json is malformed[^]*turns\[0\]\.steps\[0\]/,
    ],
    [
      "with a broken expression",
      { name: "x", turns: [{ when: { user: "/(/" }, steps: [{ text: "a" }] }] },
      /not a valid regular expression/,
    ],
    [
      "with two kinds of arguments",
      { name: "x", turns: [{ steps: [{ tool_call: { name: "t", args: {}, args_json: "{}" } }] }] },
      /malformed/,
    ],
    ["with a name that is none", { name: "a/b", turns: [{ steps: [{ text: "a" }] }] }, /a name has letters/],
    ["with a name twice", [script("x"), script("x")], /Two scripts are named "x"/],
  ])("%s are refused, with file and place", (_title, content, message) => {
    const location = file("bad.json", content);
    expect(() => loadScripts(location)).toThrow(message);
  });

  it("are what the documentation shows", async () => {
    const documentation = await readFile(new URL("../../docs/scripted-model.md", import.meta.url), "utf8");
    const examples = [...documentation.matchAll(/```json\n([^]*?)```/g)].map(
      ([, example]) => JSON.parse(example ?? "") as unknown,
    );
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(scriptSchema.safeParse(example).error).toBeUndefined();
  });
});

describe("the rule for a message", () => {
  const asked: ScriptSituation = {
    userText: "What TIME is it (now)?",
    afterTool: undefined,
    declaredTools: new Set(["clock"]),
    turn: 2,
    step: 1,
  };
  const answered: ScriptSituation = { ...asked, afterTool: "clock", step: 2 };

  it.each([
    [{}, asked, true],
    [{}, answered, false],
    [{ user: "time is" }, asked, true],
    [{ user: "(now)?" }, asked, true],
    [{ user: "times" }, asked, false],
    [{ user: "/^what time/i" }, asked, true],
    [{ user: "/^what time/" }, asked, false],
    [{ user: "/time/gi" }, asked, true],
    [{ user: "time" }, answered, false],
    [{ after_tool: "clock" }, answered, true],
    [{ after_tool: "*" }, answered, true],
    [{ after_tool: "*" }, asked, false],
    [{ after_tool: "other" }, answered, false],
    [{ tool_declared: "clock" }, asked, true],
    [{ tool_declared: "other" }, asked, false],
    [{ turn: 2 }, asked, true],
    [{ turn: 1 }, asked, false],
    [{ step: 2 }, answered, true],
    [{ step: 2 }, asked, false],
    [{ user: "time", tool_declared: "other" }, asked, false],
  ])("%j is decided by all conditions", (when, situation, matches) => {
    const tried: Script = { name: "x", turns: [{ when, steps: [{ text: "a" }] }] };
    expect(findRule(tried, situation) !== undefined).toBe(matches);
    expect(findRule(tried, situation) !== undefined).toBe(matches);
  });

  it("is the first that matches", () => {
    const tried: Script = { name: "x", turns: [{ steps: [{ text: "a" }] }, { steps: [{ text: "b" }] }] };
    expect(findRule(tried, asked)).toBe(tried.turns[0]);
  });
});
