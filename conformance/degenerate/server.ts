// Servers that do nothing right. They pass no case; one that does would pass something that looks at nothing.
// node --import tsx conformance/degenerate/server.ts <mode> <host:port>
import { create, type DescMethod, type DescService } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { createServer } from "node:http2";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { Health, HealthCheckResponse_ServingStatus } from "../../src/gen/grpc/health/v1/health_pb.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { FileService } from "../../src/gen/palaver/chat/v1/file_service_pb.js";
import { ImportService } from "../../src/gen/palaver/chat/v1/import_service_pb.js";
import { parrot } from "./parrot.js";

/** What becomes of a call of any method. What is returned is the only message of the answer. */
type Answer = (method: DescMethod, context: HandlerContext) => object | Promise<object>;

const refuse =
  (code: Code, reason: string): Answer =>
  () => {
    throw new ConnectError(reason.toLowerCase(), code, undefined, [
      { desc: ErrorInfoSchema, value: { reason, domain: "palaver.dev" } },
    ]);
  };

const unimplemented = refuse(Code.Unimplemented, "NOT_IMPLEMENTED");
const empty: Answer = ({ output }) => create(output);

const modes: Readonly<Record<string, (router: ConnectRouter) => void>> = {
  null: everywhere(unimplemented),
  empty: everywhere(empty),
  refuser: everywhere(refuse(Code.PermissionDenied, "PERMISSION_DENIED")),
  "black-hole": everywhere(
    (_, { signal }) =>
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new ConnectError("left", Code.Canceled)), {
          once: true,
        });
      }),
  ),
  "dies-midway": everywhere(afterwards(10, unimplemented, () => process.exit(1))),
  parrot: (router) => {
    everywhere(empty)(router);
    router.service(ChatService, parrot());
  },
};

/** The first calls are answered one way, all others another. */
function afterwards(calls: number, first: Answer, then: Answer): Answer {
  let answered = 0;
  return (method, context) => (answered++ < calls ? first : then)(method, context);
}

function everywhere(answer: Answer): (router: ConnectRouter) => void {
  return (router) => {
    for (const service of [ChatService, FileService, ImportService])
      router.service(service, methodsOf(service, answer));
  };
}

function methodsOf(service: DescService, answer: Answer): Partial<ServiceImpl<DescService>> {
  const methods = service.methods.map((method) => {
    const unary = async (_: unknown, context: HandlerContext) => answer(method, context);
    const streaming = async function* (_: unknown, context: HandlerContext) {
      yield await answer(method, context);
    };
    return [method.localName, method.methodKind.startsWith("server") ? streaming : unary];
  });
  return Object.fromEntries(methods) as Partial<ServiceImpl<DescService>>;
}

const [mode = "", listen = ""] = process.argv.slice(2);
const routes = modes[mode];
if (routes === undefined)
  throw new Error(`${mode} is no mode: write one of ${Object.keys(modes).join(", ")}`);
const { hostname, port } = new URL(`http://${listen}`);
createServer(
  connectNodeAdapter({
    routes: (router) => {
      routes(router);
      // Otherwise it would not even be looked at.
      router.service(Health, { check: () => ({ status: HealthCheckResponse_ServingStatus.SERVING }) });
    },
  }),
).listen(Number(port), hostname);
