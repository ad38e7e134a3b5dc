import { z } from "zod";
import type { Clock } from "../platform/index.js";

/** How a tool is told to a model. */
export interface ToolDeclaration {
  readonly name: string;
  readonly description: string;
  /** A JSON Schema (draft 7) object: the type of the arguments. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

export interface ToolContext {
  /** Aborts when nobody wants the result any more. Tools stop promptly. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** A tool that the server runs. */
export interface Tool extends ToolDeclaration {
  /** Running it twice does no more than running it once: after a crash it may be run again (a side effect is never repeated silently). */
  readonly idempotent: boolean;
  /** Reads the model's arguments. @throws Error with a message that helps the model to do better */
  parse(argsJson: string): unknown;
  /** Runs with what {@link Tool.parse} gave. @throws Error with a message for the model; nothing in it is a secret */
  run(args: unknown, context: ToolContext): Promise<unknown>;
}

/** Makes a {@link Tool} of a zod schema and a function. */
export function defineTool<S extends z.ZodObject>(definition: {
  /** At most 64 letters, digits, `_` and `-`: what every provider accepts. */
  readonly name: string;
  readonly description: string;
  readonly input: S;
  readonly idempotent: boolean;
  run(args: z.output<S>, context: ToolContext): Promise<unknown>;
}): Tool {
  const { name, description, input, idempotent } = definition;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) throw new Error(`not a name for a tool: ${JSON.stringify(name)}`);
  const { $schema: _, ...inputSchema } = z.toJSONSchema(input, { target: "draft-7", io: "input" });
  return {
    name,
    description,
    inputSchema,
    idempotent,
    parse: (argsJson) => parseArguments(input, argsJson),
    run: (args, context) => definition.run(args as z.output<S>, context),
  };
}

function parseArguments<S extends z.ZodObject>(input: S, argsJson: string): z.output<S> {
  let value: unknown;
  try {
    // Some models send nothing at all where they mean no arguments.
    value = argsJson.trim() === "" ? {} : JSON.parse(argsJson);
  } catch (cause) {
    throw new Error("The arguments are not valid JSON.", { cause });
  }
  const result = input.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`,
  );
  throw new Error(`The arguments are not valid. ${problems.join("; ")}`);
}
