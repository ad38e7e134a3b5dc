import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.js";

/** The question of a reflection request, in whichever version of the protocol: they differ in name only. */
interface Request {
  readonly host: string;
  readonly messageRequest:
    | {
        case: "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType" | "listServices";
        value: string;
      }
    | { case: "fileContainingExtension"; value: { containingType: string; extensionNumber: number } }
    | { case: undefined; value?: undefined };
}

type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/** Serves reflection, versions v1 and v1alpha, for `services` and itself. */
export function registerReflection(router: ConnectRouter, services: readonly DescService[]): void {
  const schema = new ServedSchema([...services, ServerReflection, ServerReflectionAlpha]);
  router.service(ServerReflection, { serverReflectionInfo: (requests) => answers(schema, requests) });
  router.service(ServerReflectionAlpha, { serverReflectionInfo: (requests) => answers(schema, requests) });
}

async function* answers<R extends Request>(schema: ServedSchema, requests: AsyncIterable<R>) {
  for await (const request of requests) {
    yield {
      validHost: request.host,
      originalRequest: request,
      messageResponse: schema.answer(request.messageRequest),
    };
  }
}

/** The descriptors of the served services and of everything they refer to. */
class ServedSchema {
  readonly #services: readonly string[];
  readonly #files = new Map<string, DescFile>();
  /** The file of every fully qualified name: messages, enums and their values, fields, services, methods, extensions. */
  readonly #symbols = new Map<string, DescFile>();
  /** Per extended message, the file of each extension number. */
  readonly #extensions = new Map<string, Map<number, DescFile>>();

  constructor(services: readonly DescService[]) {
    this.#services = services.map((service) => service.typeName).toSorted();
    for (const service of services) this.#add(service.file);
  }

  answer(request: Request["messageRequest"]): Answer {
    switch (request.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: this.#services.map((name) => ({ name })) } };
      case "fileByFilename":
        return this.#fileAnswer(this.#files.get(request.value));
      case "fileContainingSymbol":
        return this.#fileAnswer(this.#symbols.get(request.value.replace(/^\./, "")));
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = request.value;
        return this.#fileAnswer(this.#extensions.get(containingType)?.get(extensionNumber));
      }
      case "allExtensionNumbersOfType": {
        if (!this.#symbols.has(request.value)) return notFound;
        const extensionNumber = [...(this.#extensions.get(request.value)?.keys() ?? [])];
        return {
          case: "allExtensionNumbersResponse",
          value: { baseTypeName: request.value, extensionNumber },
        };
      }
      case undefined:
        return failure(Code.InvalidArgument, "The request asks for nothing.");
      default:
        return request satisfies never;
    }
  }

  /** The file and all it imports, so that the client need not ask for each. */
  #fileAnswer(file: DescFile | undefined): Answer {
    if (file === undefined) return notFound;
    const files = new Set<DescFile>([file]);
    // A Set's iteration goes on over what is added meanwhile.
    for (const each of files) for (const dependency of each.dependencies) files.add(dependency);
    const fileDescriptorProto = [...files].map((each) => toBinary(FileDescriptorProtoSchema, each.proto));
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
  }

  #add(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    for (const dependency of file.dependencies) this.#add(dependency);
    const packagePrefix = file.proto.package === "" ? "" : `${file.proto.package}.`;
    this.#addNames(file, packagePrefix, file.proto);
    for (const service of file.proto.service) {
      this.#symbols.set(packagePrefix + service.name, file);
      for (const method of service.method)
        this.#symbols.set(`${packagePrefix}${service.name}.${method.name}`, file);
    }
  }

  /** The names of a file, or of a message inside it; an enum's values are named as its siblings. */
  #addNames(
    file: DescFile,
    prefix: string,
    scope: Pick<MessageProto, "enumType" | "extension"> & Nested,
  ): void {
    for (const message of "nestedType" in scope ? scope.nestedType : scope.messageType) {
      const name = prefix + message.name;
      this.#symbols.set(name, file);
      for (const member of [...message.field, ...message.oneofDecl])
        this.#symbols.set(`${name}.${member.name}`, file);
      this.#addNames(file, `${name}.`, message);
    }
    for (const enumType of scope.enumType) {
      this.#symbols.set(prefix + enumType.name, file);
      for (const value of enumType.value) this.#symbols.set(prefix + value.name, file);
    }
    for (const extension of scope.extension) {
      this.#symbols.set(prefix + extension.name, file);
      const extended = extension.extendee.replace(/^\./, "");
      const numbers = this.#extensions.get(extended) ?? new Map<number, DescFile>();
      this.#extensions.set(extended, numbers.set(extension.number, file));
    }
  }
}

type FileProto = DescFile["proto"];
type MessageProto = FileProto["messageType"][number];
type Nested = Pick<MessageProto, "nestedType"> | Pick<FileProto, "messageType">;

const notFound = failure(Code.NotFound, "This server has no such file or symbol.");

function failure(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
