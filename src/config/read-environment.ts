import type { z } from "zod";
import { type FieldViolation, PalaverError } from "../protocol/index.js";
import { didYouMean, unknownVariables } from "./unknown-variables.js";
import { variables } from "./variables.js";

/**
 * Reads the variables of a schema from the environment. An empty value is no value. Gives what is wrong with the environment, all
 * of it at once, or the values. Variables named `PALAVER_…` that do not exist are wrong.
 */
export function readEnvironment<S extends z.ZodObject>(
  schema: S,
  env: NodeJS.ProcessEnv,
): { values: z.infer<S> | undefined; violations: FieldViolation[] } {
  const violations = unknownVariables(env).map((name): FieldViolation => {
    const meant = didYouMean(name);
    const advice =
      meant === undefined ? "docs/configuration.md describes them all" : `did you mean ${meant}?`;
    return { field: name, description: `there is no such variable; ${advice}` };
  });
  const given = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => value !== "" && name in schema.shape),
  );
  const result = schema.safeParse(given);
  if (result.success) return { values: result.data, violations };
  for (const issue of result.error.issues) {
    const name = String(issue.path[0]);
    const value = variables[name]?.secret === true ? undefined : given[name];
    const got =
      value === undefined || value.includes("@") ? "" : `, got ${JSON.stringify(value.slice(0, 100))}`;
    violations.push({ field: name, description: issue.message + got });
  }
  return { values: undefined, violations };
}

/** The error that lists everything that is wrong with the environment, one line per variable, and no secret. */
export function invalidConfiguration(violations: readonly FieldViolation[]): PalaverError {
  const lines = violations.map(({ field, description }) => `  ${field}: ${description}`);
  return new PalaverError(
    "invalid_argument",
    "INVALID_CONFIGURATION",
    ["The configuration is not valid:", ...lines].join("\n"),
    {
      fieldViolations: violations,
    },
  );
}
