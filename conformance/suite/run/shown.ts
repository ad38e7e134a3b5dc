import { inspect } from "node:util";

const maxLength = 4_000;

/** A value as people read it in a report: texts as they are, everything else as Node shows it; shortened in the middle. */
export function shown(value: unknown): string {
  const text =
    typeof value === "string"
      ? value
      : value instanceof Error
        ? errorText(value)
        : inspect(value, { depth: 6, breakLength: 100, maxArrayLength: 200, sorted: false });
  if (text.length <= maxLength) return text;
  const half = maxLength / 2;
  return `${text.slice(0, half)}\n… ${text.length - maxLength} more …\n${text.slice(-half)}`;
}

/** Message and causes; no stack: where in the suite it was noticed is not what went wrong. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return typeof error === "string" ? error : inspect(error, { depth: 3 });
  const text = `${error.name}: ${error.message}`;
  return error.cause === undefined ? text : `${text}, because of ${errorText(error.cause)}`;
}
