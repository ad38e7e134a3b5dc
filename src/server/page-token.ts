import { createHash } from "node:crypto";
import type * as z from "zod";
import { invalidArgument } from "../protocol/index.js";

/**
 * Page tokens say where a list goes on. They are bound to what the list was asked for, and carry a checksum: a token that was changed,
 * or is used with another filter, is refused rather than answered with a wrong page. They grant nothing, so there is nothing to sign.
 */
export function encodePageToken(position: unknown, boundTo: readonly string[]): string {
  const body = Buffer.from(JSON.stringify(position)).toString("base64url");
  return `${body}.${checksum(body, boundTo)}`;
}

/** @throws PalaverError INVALID_PAGE_TOKEN */
export function decodePageToken<T>(
  token: string,
  boundTo: readonly string[],
  schema: z.ZodType<T>,
): T | undefined {
  if (token === "") return undefined;
  const [body = "", sum, ...rest] = token.split(".");
  const position = sum === checksum(body, boundTo) && rest.length === 0 ? parse(body, schema) : undefined;
  if (position === undefined) {
    throw invalidArgument(
      "INVALID_PAGE_TOKEN",
      "page_token",
      "not a token of this list; pass next_page_token of the page before, with the same filter",
    );
  }
  return position;
}

function parse<T>(body: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(body, "base64url").toString())).data;
  } catch {
    // The checksum is no secret: anyone can make a token of anything.
    return undefined;
  }
}

function checksum(body: string, boundTo: readonly string[]): string {
  return createHash("sha256")
    .update(JSON.stringify([body, ...boundTo]))
    .digest("base64url")
    .slice(0, 16);
}
