import { createHash } from "node:crypto";
import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";

/** The same for equal requests, whatever the order of their maps' keys; for telling whether an idempotency key is used again. */
export function requestHash<Desc extends DescMessage>(schema: Desc, request: MessageShape<Desc>): Uint8Array {
  return createHash("sha256")
    .update(schema.typeName)
    .update(JSON.stringify(sortKeys(toJson(schema, request))))
    .digest();
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortKeys(item)]),
  );
}
