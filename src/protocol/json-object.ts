import { NumberLiteral } from "./exact-json.js";
import { MalformedContent } from "./malformed-content.js";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value of parsed JSON is an object: no array, no number literal. */
export function isJsonObject(value: unknown): value is JsonObject {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof NumberLiteral)
  );
}

/** @throws MalformedContent for anything but an array of objects */
export function expectObjects(content: unknown): readonly JsonObject[] {
  if (!Array.isArray(content)) throw new MalformedContent("an array is expected");
  return content.map((element: unknown, index) => {
    if (isJsonObject(element)) return element;
    throw MalformedContent.element(index, "an object is expected");
  });
}

/** What kind of part or block an element is. Writers of flat structs have an empty text for "none". */
export function typeOf({ type }: JsonObject): string | undefined {
  return typeof type === "string" && type !== "" ? type : undefined;
}
