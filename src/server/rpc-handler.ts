import type { DescService } from "@bufbuild/protobuf";
import { type ConnectError, createContextValues } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Clock, Logger, Metrics, Random } from "../platform/index.js";
import type { AccessRules } from "./access.js";
import { callerKey } from "./authenticate.js";
import { type Call, callKey, logCall, noteFailure } from "./call.js";
import { createCallMetrics } from "./call-metrics.js";
import { completeErrors } from "./complete-errors.js";
import { httpPage } from "./http-pages.js";
import type { HttpHandler, HttpRequest, HttpResponse } from "./listener.js";
import { outletKey, outletOf } from "./outlet.js";
import { headerFault, protocolMismatch, unknownMethod, unsendable } from "./refusals.js";
import { RequestBody } from "./request-body.js";
import { requestError } from "./request-error.js";
import { type ErrorContext, toRpcError } from "./rpc-error.js";
import { errorResponse, wireOf } from "./wire.js";

export interface RpcHandlerOptions {
  readonly handlers: readonly UniversalHandler[];
  readonly access: AccessRules;
  /** Full names of the services that anyone may call (AUTH-1). */
  readonly publicServices: ReadonlySet<string>;
  /** The error with which calls are refused once the server stops. */
  readonly stopping: () => ConnectError | undefined;
  readonly serving: () => boolean;
  readonly messageLimit: (service: DescService) => number;
  readonly maxResponseBytes: number;
  readonly maxTimeoutMs: number;
  readonly compressions: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Takes HTTP requests to Connect's handlers and their answers back. What is refused before a handler sees it (AUTH-4) is an
 * error of the caller's own wire, with a reason like every other (ERR-1).
 */
export function rpcHandler(options: RpcHandlerOptions): HttpHandler {
  const { access, clock, logger } = options;
  const handlers = new Map(options.handlers.map((handler) => [handler.requestPath, handler]));
  const metrics = createCallMetrics(
    options.metrics,
    options.handlers.map((handler) => handler.method),
  );

  return (request, response) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const universal = toUniversalRequest(request, response);
    if (universal === undefined) {
      response.writeHead(400, { "content-type": "text/plain" });
      response.end("The Host header or the URL of this request is not valid.\n");
      return;
    }
    // Nothing that stays with an open stream holds on to what the adapter made.
    const isHead = universal.method === "HEAD";
    const requestBody = new RequestBody(request);
    // Of HTTP/2, the response itself "finishes" only when the request has ended too.
    ("stream" in response ? response.stream : response).once("finish", () => requestBody.dropRest());
    const send = ({ body, ...answer }: UniversalServerResponse): Promise<void> =>
      universalResponseToNodeResponse(body === undefined || isHead ? answer : { ...answer, body }, response);
    const unsent = (error: unknown): void => {
      // The usual case: the client is gone.
      logger.debug({ err: error, path }, "cannot send a response");
      response.destroy();
    };

    const foreign = access.guard(universal.header, authorityOf(request));
    const page =
      foreign === undefined
        ? httpPage(universal.method, path, { serving: options.serving(), about: access.introducesItself })
        : undefined;
    if (page !== undefined) {
      send(page).catch(unsent);
      return;
    }
    const call: Call = {
      method: path.slice(1),
      wire: wireOf(universal.header),
      startedMs: clock.monotonicMs(),
      credential: undefined,
      handled: false,
      understood: false,
      failed: undefined,
    };
    const handler = handlers.get(path);
    const count = metrics.begin(handler?.method);
    response.once("close", () => {
      const end = { durationMs: clock.monotonicMs() - call.startedMs, sent: response.writableEnded };
      logCall(logger, call, end);
      count(call, end);
    });
    answerCall({ ...universal, body: requestBody.read() }, call, {
      ...options,
      handler,
      path,
      foreign,
      response,
    })
      .then((answer) => {
        // A unary call of Connect is through with its request now. Without this, Node resets what nobody has begun to read.
        if (call.wire === "connect" || !call.handled) requestBody.dropRest();
        return send(answer);
      })
      .catch(unsent);
  };
}

/** The answer to one call. Does not reject, though its body may fail. */
async function answerCall(
  request: UniversalServerRequest,
  call: Call,
  options: RpcHandlerOptions & {
    readonly path: string;
    readonly handler: UniversalHandler | undefined;
    readonly foreign: ConnectError | undefined;
    readonly response: HttpResponse;
  },
): Promise<UniversalServerResponse> {
  const { path, handler, foreign, stopping, publicServices, access, messageLimit } = options;
  const { wire } = call;
  const context: ErrorContext & { maxResponseBytes: number } = {
    ...options,
    method: call.method,
    signal: request.signal,
  };
  const refuse = (error: ConnectError, httpStatus?: number): UniversalServerResponse =>
    errorResponse(wire, request.header, noteFailure(call, error), httpStatus);
  try {
    if (foreign !== undefined) return refuse(foreign);
    if (handler === undefined) return refuse(unknownMethod(path), 404);
    const stopped = stopping();
    if (stopped !== undefined) return refuse(stopped);

    const contextValues = createContextValues().set(callKey, call);
    if (handler.method.methodKind === "server_streaming" && wire !== "connect")
      contextValues.set(outletKey, outletOf(options.response, request.header));
    if (!publicServices.has(handler.service.typeName)) {
      call.credential = await access.authenticate(request.header.get("authorization") ?? undefined);
      if (call.credential !== undefined) contextValues.set(callerKey, call.credential.caller);
    }
    const fault = headerFault(wire, request, options);
    if (fault !== undefined) return refuse(fault);

    call.handled = true;
    const response = await handler({ ...request, contextValues });
    if (response.body === undefined && response.status !== 200) {
      return refuse(protocolMismatch(response.status, handler), response.status);
    }
    return await completeErrors(wire, response, (error) =>
      noteFailure(
        call,
        call.understood ? unsendable(error, context) : requestError(error, messageLimit(handler.service)),
      ),
    );
  } catch (error) {
    return refuse(toRpcError(error, context));
  }
}

function toUniversalRequest(
  request: HttpRequest,
  response: HttpResponse,
): UniversalServerRequest | undefined {
  try {
    return universalRequestFromNodeRequest(request, response, undefined, undefined);
  } catch {
    // It names no authority, or none that makes a URL.
    return undefined;
  }
}

function authorityOf(request: HttpRequest): string | undefined {
  return "authority" in request ? request.authority : request.headers.host;
}
