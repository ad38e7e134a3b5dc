import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
} from "../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../src/gen/grpc/reflection/v1alpha/reflection_pb.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { registerReflection } from "../../src/server/reflection.js";

type Question = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]>;

const transport = createRouterTransport((router) => registerReflection(router, [ChatService]));

async function ask(messageRequest: Question) {
  async function* requests() {
    yield await Promise.resolve({ host: "somewhere", messageRequest });
  }
  for await (const response of createClient(ServerReflection, transport).serverReflectionInfo(requests())) {
    expect(response.validHost).toBe("somewhere");
    expect(response.originalRequest?.messageRequest).toMatchObject(messageRequest);
    return response.messageResponse;
  }
  throw new Error("no answer");
}

/** The names of the files in an answer. */
async function filesFor(question: Question): Promise<string[]> {
  const answer = await ask(question);
  if (answer.case !== "fileDescriptorResponse") throw new Error(`got ${String(answer.case)}`);
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

test.each([
  "palaver.chat.v1.ChatService",
  ".palaver.chat.v1.ChatService",
  "palaver.chat.v1.ChatService.GetChat",
  "palaver.chat.v1.GetChatRequest",
  "palaver.chat.v1.GetChatRequest.chat_id",
  "palaver.chat.v1.CreateChatRequest.LabelsEntry",
  "palaver.chat.v1.SendMessageResponse.outcome",
  "palaver.chat.v1.WhenBusy",
  // Values of an enum are named as its siblings.
  "palaver.chat.v1.WHEN_BUSY_QUEUE",
])("the file of %s comes with all it imports", async (value) => {
  const files = await filesFor({ case: "fileContainingSymbol", value });
  expect(files[0]).toBe("palaver/chat/v1/chat_service.proto");
  expect(files).toContain("buf/validate/validate.proto");
  expect(files).toContain("google/protobuf/descriptor.proto");
  expect(new Set(files).size).toBe(files.length);
});

test("files are found by name", async () => {
  expect(await filesFor({ case: "fileByFilename", value: "google/protobuf/descriptor.proto" })).toEqual([
    "google/protobuf/descriptor.proto",
  ]);
});

test("extensions are found by number and listed", async () => {
  const containingType = "google.protobuf.FieldOptions";
  const [file] = await filesFor({
    case: "fileContainingExtension",
    value: { containingType, extensionNumber: 1159 },
  });
  expect(file).toBe("buf/validate/validate.proto");
  expect(await ask({ case: "allExtensionNumbersOfType", value: containingType })).toMatchObject({
    case: "allExtensionNumbersResponse",
    value: { baseTypeName: containingType, extensionNumber: expect.arrayContaining([1159]) as number[] },
  });
});

test.each<Question>([
  { case: "fileByFilename", value: "etc/passwd" },
  { case: "fileContainingSymbol", value: "no.Such" },
  { case: "fileContainingExtension", value: { containingType: "no.Such", extensionNumber: 1 } },
  { case: "allExtensionNumbersOfType", value: "no.Such" },
])("%j is not found, and the stream goes on", async (question) => {
  expect(await ask(question)).toMatchObject({ case: "errorResponse", value: { errorCode: 5 } });
});

test("v1alpha answers alike", async () => {
  async function* requests() {
    yield await Promise.resolve({ messageRequest: { case: "listServices" as const, value: "*" } });
  }
  for await (const { messageResponse } of createClient(ServerReflectionAlpha, transport).serverReflectionInfo(
    requests(),
  )) {
    expect(messageResponse).toMatchObject({
      case: "listServicesResponse",
      value: {
        service: expect.arrayContaining([
          expect.objectContaining({ name: "palaver.chat.v1.ChatService" }),
        ]) as object[],
      },
    });
  }
});
