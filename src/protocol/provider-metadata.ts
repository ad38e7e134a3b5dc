import type * as z from "zod";
import { exactNumber, NumberLiteral } from "./exact-json.js";
import { isJsonObject } from "./json-object.js";

/**
 * What a provider wants back in the next prompt, by provider name. Opaque to us. A number that a double would change is a
 * `NumberLiteral` in here, which `JSON.stringify` writes as the nearest double.
 */
export type ProviderMetadata = Record<string, Record<string, z.core.util.JSONType>>;

/**
 * Reads stored metadata, whatever it is. What is no object of objects is left out, never an error: no client sees metadata, and a
 * message is worth more than what belongs to it.
 */
export function readProviderMetadata(stored: unknown): ProviderMetadata | undefined {
  if (!isJsonObject(stored)) return undefined;
  return Object.fromEntries(
    Object.entries(stored).flatMap(([provider, metadata]) =>
      isJsonObject(metadata) ? [[provider, plainNumbers(metadata) as ProviderMetadata[string]]] : [],
    ),
  );
}

/** Number literals as numbers, but for those that would change. */
function plainNumbers(value: unknown): unknown {
  if (value instanceof NumberLiteral) return exactNumber(value.literal);
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainNumbers(item)]));
}
