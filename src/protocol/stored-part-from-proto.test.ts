import { equals, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { PartSchema } from "../gen/palaver/chat/v1/message_pb.js";
import { contentVersion, decodeContent, encodeContent } from "./stored-content.js";
import { anyPart } from "./stored-part.fixture.js";
import { storedPartFromProto } from "./stored-part-from-proto.js";
import { partToProto } from "./to-proto.js";

it("a part that left as protobuf and is stored again is shown as it was, whatever is in it", () => {
  fc.assert(
    fc.property(anyPart, (part) => {
      const shown = fromBinary(PartSchema, toBinary(PartSchema, partToProto(part)));
      const kept = storedPartFromProto(shown);
      const read = decodeContent(encodeContent(kept === undefined ? [] : [kept]), contentVersion, "user");
      const [again] = read.ok ? read.parts.map(partToProto) : [];
      if (again !== undefined && equals(PartSchema, again, shown)) return;
      expect(again && toJson(PartSchema, again)).toEqual(toJson(PartSchema, shown));
      throw new Error("the parts differ");
    }),
    { numRuns: 500 },
  );
});
