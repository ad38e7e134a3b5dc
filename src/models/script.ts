import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import * as z from "zod";

const milliseconds = z.number().nonnegative().max(86_400_000);
const chunk = z.int().positive();
const pace = { chunk: chunk.optional(), delay_ms: milliseconds.optional() };

const textStepSchema = z.strictObject({ text: z.string(), ...pace });
const reasoningStepSchema = z.strictObject({
  reasoning: z.string(),
  signature: z.string().optional(),
  ...pace,
});
const toolCallStepSchema = z.strictObject({
  tool_call: z
    .strictObject({
      name: z.string().min(1),
      id: z.string().min(1).optional(),
      args: z.record(z.string(), z.json()).optional(),
      args_json: z.string().optional(),
    })
    .refine(
      (call) => call.args === undefined || call.args_json === undefined,
      "args and args_json exclude each other",
    ),
  ...pace,
});
const pauseStepSchema = z.strictObject({ pause_ms: milliseconds });
const errorStepSchema = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    status: z.int().min(400).max(599).optional(),
    code: z.string().optional(),
    retry_after_ms: milliseconds.optional(),
  }),
});
const finishStepSchema = z.strictObject({ finish: z.enum(["stop", "length", "content-filter"]) });
const cutStepSchema = z.strictObject({ cut: z.literal(true) });

const scriptStepSchema = z.union([
  textStepSchema,
  reasoningStepSchema,
  toolCallStepSchema,
  pauseStepSchema,
  errorStepSchema,
  finishStepSchema,
  cutStepSchema,
]);

const conditionSchema = z.strictObject({
  user: z
    .string()
    .refine((text) => compilePattern(text) !== undefined, "not a valid regular expression")
    .optional(),
  after_tool: z.string().optional(),
  tool_declared: z.string().optional(),
  turn: z.int().positive().optional(),
  step: z.int().positive().optional(),
});

const scriptRuleSchema = z.strictObject({
  when: conditionSchema.optional(),
  steps: z.array(scriptStepSchema).min(1),
});

/** A script of the scripted model. docs/scripted-model.md describes the format. */
export const scriptSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "a name has letters, digits, dots, dashes and underscores"),
  description: z.string().optional(),
  ...pace,
  turns: z.array(scriptRuleSchema).min(1),
});

export type Script = z.infer<typeof scriptSchema>;
export type ScriptRule = z.infer<typeof scriptRuleSchema>;
export type ScriptStep = z.infer<typeof scriptStepSchema>;

/** The facts about a conversation that conditions look at. */
export interface ScriptSituation {
  /** The text of the last user message. */
  readonly userText: string;
  /** The name of the tool whose result is the last message; undefined if that is not a tool message. */
  readonly afterTool: string | undefined;
  readonly declaredTools: ReadonlySet<string>;
  /** How many user messages there are. */
  readonly turn: number;
  /** 1 for the first answer to the last user message, 2 after the first round of tools, and so on. */
  readonly step: number;
}

/** The first rule whose conditions all hold. A rule that does not ask for `after_tool` or `step` never answers a tool's result. */
export function findRule(script: Script, situation: ScriptSituation): ScriptRule | undefined {
  return script.turns.find(({ when = {} }) => {
    if (when.after_tool === undefined && when.step === undefined && situation.afterTool !== undefined)
      return false;
    return (
      (when.after_tool === undefined ||
        (situation.afterTool !== undefined && ["*", situation.afterTool].includes(when.after_tool))) &&
      (when.step === undefined || when.step === situation.step) &&
      (when.turn === undefined || when.turn === situation.turn) &&
      (when.tool_declared === undefined || situation.declaredTools.has(when.tool_declared)) &&
      (when.user === undefined || compilePattern(when.user)?.test(situation.userText) === true)
    );
  });
}

/** "/…/flags" is a regular expression, anything else a substring in any case. Undefined if the expression is invalid. */
function compilePattern(text: string): RegExp | undefined {
  const expression = /^\/(.+)\/([a-z]*)$/s.exec(text);
  try {
    if (expression === null) return new RegExp(text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`), "iu");
    // A sticky or global expression remembers where it stopped, so its answers would depend on earlier questions.
    return new RegExp(expression[1] ?? "", (expression[2] ?? "").replaceAll(/[gy]/g, ""));
  } catch {
    return undefined;
  }
}

/**
 * Reads the scripts of a file (one script, or an array of scripts) or of every `.json` file in a folder.
 * Throws an error that names file and place if one is malformed, or if two have the same name.
 */
export function loadScripts(location: string): Script[] {
  const scripts = readFiles(location).flatMap(({ file, text }) => parseScripts(text, file));
  const names = new Set<string>();
  for (const { name } of scripts) {
    if (names.has(name)) throw new Error(`Two scripts are named "${name}" in ${location}`);
    names.add(name);
  }
  return scripts;
}

function readFiles(location: string): { file: string; text: string }[] {
  try {
    const files = statSync(location).isDirectory()
      ? readdirSync(location)
          .filter((name) => name.endsWith(".json"))
          .sort()
          .map((name) => path.join(location, name))
      : [location];
    return files.map((file) => ({ file, text: readFileSync(file, "utf8") }));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const what =
      code === "ENOENT" ? `There is no file or folder ${location}` : `Cannot read ${location}: ${message}`;
    throw new Error(what, { cause });
  }
}

function parseScripts(text: string, file: string): Script[] {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new Error(
      `The script file ${file} is not valid JSON: ${cause instanceof Error ? cause.message : ""}`,
      { cause },
    );
  }
  const result = z.array(scriptSchema).safeParse(Array.isArray(json) ? json : [json]);
  if (!result.success)
    throw new Error(`The script file ${file} is malformed:\n${z.prettifyError(result.error)}`, {
      cause: result.error,
    });
  return result.data;
}
