/** What a statement takes. JSON is passed as text. `undefined` is refused: say `null` where null is meant. */
export type Parameter = string | number | bigint | boolean | Date | Uint8Array | null | readonly Parameter[];

/**
 * Encodes parameters as Postgres' text format (bytes: binary), so that both drivers have nothing left to interpret.
 *
 * Unpaired surrogates, which UTF-8 cannot express, become U+FFFD.
 */
export function encodeParameters(values: readonly Parameter[]): (string | Buffer | null)[] {
  return values.map((value) =>
    value instanceof Uint8Array
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : encodeText(value),
  );
}

function encodeText(value: Parameter): string | null {
  switch (typeof value) {
    case "string":
      return wellFormed(value);
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    case "object":
      if (value === null) return null;
      if (value instanceof Date) return encodeDate(value);
      if (value instanceof Uint8Array) {
        return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`;
      }
      if (Array.isArray(value)) return encodeArray(value as readonly Parameter[]);
      break;
    default:
  }
  // The value itself must not end up in a log.
  throw new TypeError(`a statement takes no parameter of type ${typeof value}`);
}

function encodeArray(values: readonly Parameter[]): string {
  const elements = values.map((value) => {
    const text = encodeText(value);
    if (text === null) return "NULL";
    return Array.isArray(value) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${elements.join(",")}}`;
}

/** ISO 8601 in UTC. Postgres does not read JavaScript's six-digit years, so dates end with the year 9999. */
function encodeDate(date: Date): string {
  const year = date.getUTCFullYear();
  if (!(year >= 1 && year <= 9999))
    throw new RangeError("a statement takes dates of the years 1 to 9999 only");
  return date.toISOString();
}

function wellFormed(text: string): string {
  // In every Node we support; TypeScript's library has it from es2024 on.
  return (text as string & { toWellFormed(): string }).toWellFormed();
}
