import { toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { MessageSchema, Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { decodeContent, messageToProto } from "../../src/protocol/index.js";
import { type ContentVector, contentVectors } from "../../conformance/vectors/content-vectors.js";
import { engines, openTestDatabase } from "../kit/databases.js";

/** What a client sees of a row. */
function view({
  role,
  raw,
  content_version: version,
}: Pick<ContentVector, "role" | "raw" | "content_version">) {
  const decoded = decodeContent(raw, version, role);
  const message = messageToProto({
    id: 1,
    revision: 1,
    // The column is text: a row may hold any role.
    role: role as "user",
    parts: decoded.ok ? decoded.parts : [],
    visibility: "both",
    interrupted: false,
    model: undefined,
    author: undefined,
    usage: undefined,
    createdAt: new Date(0),
    contentError: decoded.ok ? undefined : decoded.error,
  });
  const { parts = [] } = toJson(MessageSchema, message) as { parts?: unknown[] };
  return {
    role: message.role,
    seen: message.contentError === "" ? { parts } : { error: message.contentError },
  };
}

const byId = contentVectors.map((vector) => [vector.id, vector] as const);

describe("stored content of every version", () => {
  it("has vectors", () => {
    expect(contentVectors.length).toBeGreaterThanOrEqual(90);
  });

  it.each(byId)("%s reads as expected", (_id, vector) => {
    expect(view(vector).seen).toEqual(vector.expect);
  });

  it.each(byId.filter(([, vector]) => "error" in vector.expect))(
    "%s says for people what is wrong",
    (_id, { role, raw, content_version: version }) => {
      expect(decodeContent(raw, version, role)).toEqual({
        ok: false,
        error: expect.any(String),
        message: expect.stringMatching(/^[a-z][ -~]{20,159}$/),
      });
    },
  );

  it("shows a role that it does not know as unspecified", () => {
    expect(view({ role: "narrator", raw: "[]", content_version: 2 })).toEqual({
      role: Role.UNSPECIFIED,
      seen: { error: "unsupported_role" },
    });
  });
});

describe.each(engines)("vectors of stored content on %s", (engine) => {
  it("are what the column holds, and read the same from it", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    const rows = await opened.database.query<{ content: string }>(
      {
        name: "vectors_as_jsonb",
        text: "select content::jsonb as content from unnest($1::text[]) with ordinality as v (content, at) order by at",
      },
      [contentVectors.map(({ raw }) => raw)],
    );
    expect(rows.map(({ content }) => content)).toEqual(contentVectors.map(({ raw }) => raw));
  });
});
