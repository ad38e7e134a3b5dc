import { toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageSchema } from "../../src/gen/palaver/chat/v1/message_pb.js";
import {
  contentVersion,
  decodeContent,
  encodeContent,
  mapStrings,
  messageToProto,
} from "../../src/protocol/index.js";
import { anyPart } from "../../src/protocol/stored-part.fixture.js";
import { engines, openTestDatabase } from "../kit/databases.js";

const throughJsonb = { name: "through_jsonb", text: "select $1::jsonb as content" };

describe.each(engines)("stored parts on %s", (engine) => {
  it("come back from the column as they were stored, whatever is in them (PART-5)", async () => {
    await using opened = await openTestDatabase(engine, { migrate: false });
    await fc.assert(
      fc.asyncProperty(fc.array(anyPart, { maxLength: 4 }), async (parts) => {
        const [row] = await opened.database.query<{ content: string }>(throughJsonb, [encodeContent(parts)]);
        const wellFormed = mapStrings(parts, (text) => text.toWellFormed());
        expect(decodeContent(row?.content ?? null, contentVersion, "user")).toEqual({
          ok: true,
          parts: wellFormed,
        });
      }),
      { numRuns: 300 },
    );
  });
});

describe("what clients see of stored parts", () => {
  it("can be written in every form of protobuf and holds nothing internal", () => {
    fc.assert(
      fc.property(fc.array(anyPart, { maxLength: 4 }), (parts) => {
        const secret = { anthropic: { signature: "CaNaRy" } };
        const message = messageToProto({
          id: 1,
          revision: 1,
          role: "assistant",
          parts: parts.map((part) =>
            part.type === "file-reference" ? part : { ...part, provider_metadata: secret },
          ),
          visibility: "both",
          interrupted: false,
          model: undefined,
          author: undefined,
          usage: undefined,
          createdAt: new Date(0),
          contentError: undefined,
        });
        expect(JSON.stringify(toJson(MessageSchema, message))).not.toContain("CaNaRy");
      }),
    );
  });
});
