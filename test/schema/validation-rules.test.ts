import { execFileSync } from "node:child_process";
import { fromBinary } from "@bufbuild/protobuf";
import { type FieldDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { expect, test } from "vitest";

/** What decides how a rule is written into a descriptor and read from it again. */
function wire({ name, number, type, typeName, label, extendee }: FieldDescriptorProto) {
  return { name, number, type, typeName, label, extendee };
}

test("our excerpt of buf/validate/validate.proto has the numbers and types of the published schema", () => {
  const image = execFileSync("node_modules/.bin/buf", ["build", "proto", "-o", "-#format=binpb"]);
  const name = "buf/validate/validate.proto";
  const excerpt = fromBinary(FileDescriptorSetSchema, image).file.find((file) => file.name === name);
  const published = file_buf_validate_validate.proto;

  expect(excerpt?.messageType.length).toBeGreaterThan(0);
  expect(published.extension.map(wire)).toEqual(expect.arrayContaining(excerpt?.extension.map(wire) ?? []));
  for (const message of excerpt?.messageType ?? []) {
    const fields = published.messageType.find((other) => other.name === message.name)?.field ?? [];
    expect(fields.map(wire), message.name).toEqual(expect.arrayContaining(message.field.map(wire)));
  }
  for (const enumeration of excerpt?.enumType ?? []) {
    const values = published.enumType.find((other) => other.name === enumeration.name)?.value ?? [];
    expect(values).toEqual(expect.arrayContaining(enumeration.value));
  }
});
