import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Health } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { FileService } from "../../../src/gen/palaver/chat/v1/file_service_pb.js";
import { ImportService } from "../../../src/gen/palaver/chat/v1/import_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { endOf, saysOf } from "../kit/answers.js";

export const everyRpc = defineCase({
  id: "auth/every-rpc",
  title: "without a credential every method of the schema is UNAUTHENTICATED, and health answers",
  rules: ["AUTH-1"],
  level: "MUST",
  profile: "core",
  needs: ["second_user"],
  mutant: "M162",
  wires: "each",
  limitMs: 60_000,
  run: async (context) => {
    const { check } = context;
    const nobody = { account: "nobody" } as const;
    for (const method of [ChatService, FileService, ImportService].flatMap(methodsOf)) {
      const end = await endOf(context, "AUTH-1", method, {}, nobody);
      const code = end.how === "failed" ? end.failure.code : end.how;
      // The import is for targets that offer it.
      const isAbsent = method.parent === ImportService && code === "UNIMPLEMENTED";
      check("AUTH-1", `${method.parent.name}.${method.name} needs a credential`, {
        expected: "UNAUTHENTICATED",
        observed: isAbsent ? "UNAUTHENTICATED" : code,
      });
    }
    const health = await endOf(context, "AUTH-1", Health.method.check, {}, nobody);
    check("AUTH-1", "health needs none", { expected: { how: "completed" }, observed: saysOf(health) });
  },
});

function methodsOf({ methods }: DescService): readonly DescMethod[] {
  return methods;
}
