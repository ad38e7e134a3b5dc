import { expectObjects } from "./json-object.js";
import { MalformedContent } from "./malformed-content.js";
import { isKnownPartType, type StoredPart, storedPartSchema } from "./stored-part.js";

/** Content of version 2: an array of stored parts. Those of a type that we do not know are passed over. */
export function readVersion2(content: unknown): StoredPart[] {
  return expectObjects(content).flatMap((element, index): StoredPart[] => {
    const { type } = element;
    if (typeof type !== "string") throw MalformedContent.element(index, "it has no type");
    if (!isKnownPartType(type)) return [];
    const part = storedPartSchema.safeParse(element);
    if (!part.success) throw MalformedContent.schema(index, part.error);
    return [part.data];
  });
}
