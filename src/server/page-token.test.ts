import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import * as z from "zod";
import { decodePageToken, encodePageToken } from "./page-token.js";

const boundTo = ["chats", "alice", "archived = true"];

it("a token leads to the position it was made of, for the same list only", () => {
  const token = encodePageToken({ id: 7 }, boundTo);
  const schema = z.object({ id: z.int() });
  expect(decodePageToken(token, boundTo, schema)).toEqual({ id: 7 });
  expect(decodePageToken("", boundTo, schema)).toBeUndefined();
  expect(() => decodePageToken(token, ["chats", "bob", "archived = true"], schema)).toThrow("not a token");
  expect(() => decodePageToken(token, boundTo, z.object({ name: z.string() }))).toThrow("not a token");
});

it.each(["x", "x.y", "x.y.z", "."])("%j is no token", (token) => {
  expect(() => decodePageToken(token, boundTo, z.unknown())).toThrow("not a token");
});

it("a made-up token with the right checksum, but of no JSON, is refused like any other", () => {
  const body = Buffer.from("{").toString("base64url");
  const sum = createHash("sha256")
    .update(JSON.stringify([body, ...boundTo]))
    .digest("base64url")
    .slice(0, 16);
  expect(() => decodePageToken(`${body}.${sum}`, boundTo, z.unknown())).toThrow("not a token");
});
