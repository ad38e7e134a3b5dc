import type { DescService } from "@bufbuild/protobuf";
import { type ConnectError, createContextValues } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Clock, Logger, Metrics, Random } from "../platform/index.js";
import type { AccessRules } from "./access.js";
import { callerKey } from "./authenticate.js";
import { type Call, callKey, logCall, noteFailure } from "./call.js";
import { type CallMetrics, createCallMetrics } from "./call-metrics.js";
import { completeErrors } from "./complete-errors.js";
import { httpPage } from "./http-pages.js";
import { abortAtClose, authorityOf, bodyOf, universalRequest } from "./http-call.js";
import type { HttpHandler, HttpResponse } from "./listener.js";
import { headerFault, protocolMismatch, unknownMethod, unsendable } from "./refusals.js";
import { requestError } from "./request-error.js";
import { type ErrorContext, toRpcError } from "./rpc-error.js";
import type { ServerStreamHandler } from "./server-stream-handler.js";
import { errorResponse, wireOf } from "./wire.js";

export interface RpcHandlerOptions {
  readonly handlers: readonly UniversalHandler[];
  /** Those of them, by request path, that answer with a stream of our own on wires that have one. */
  readonly streams: ReadonlyMap<string, ServerStreamHandler>;
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
  const { access, clock, logger, streams } = options;
  const handlers = new Map(options.handlers.map((handler) => [handler.requestPath, handler]));
  const metrics = createCallMetrics(
    options.metrics,
    options.handlers.map((handler) => handler.method),
  );

  return (request, response) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const controller = abortAtClose(response);
    const body = bodyOf(request, response);
    const universal = universalRequest(request, { body, signal: controller.signal });
    if (universal === undefined) {
      response.writeHead(400, { "content-type": "text/plain" });
      response.end("The Host header or the URL of this request is not valid.\n");
      return;
    }
    const isHead = universal.method === "HEAD";
    const send = ({ body: answer, ...head }: UniversalServerResponse): Promise<void> =>
      universalResponseToNodeResponse(
        answer === undefined || isHead ? head : { ...head, body: answer },
        response,
      );
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
    const handler = handlers.get(path);
    const call: Call = {
      method: path.slice(1),
      wire: wireOf(universal.header),
      startedMs: clock.monotonicMs(),
      controller,
      credential: undefined,
      handled: false,
      understood: false,
      failed: undefined,
    };
    noteEnd(call, response, { clock, logger, count: metrics.begin(handler?.method) });
    answerCall(universal, call, { ...options, handler, stream: streams.get(path), path, foreign, response })
      .then((answer) => {
        // A unary call of Connect is through with its request now. Without this, Node resets what nobody has begun to read.
        if (call.wire === "connect" || !call.handled) body.dropRest();
        return answer === undefined ? undefined : send(answer);
      })
      .catch(unsent);
  };
}

/** Tells log and metrics when a call is over. A function of its own, so that nothing else of the call stays as long as its response. */
function noteEnd(
  call: Call,
  response: HttpResponse,
  {
    clock,
    logger,
    count,
  }: Pick<RpcHandlerOptions, "clock" | "logger"> & { readonly count: ReturnType<CallMetrics["begin"]> },
): void {
  response.once("close", () => {
    const end = { durationMs: clock.monotonicMs() - call.startedMs, sent: response.writableEnded };
    logCall(logger, call, end);
    count(call, end);
  });
}

/** The answer to one call, whose body may fail; undefined for a stream, which writes it itself. */
async function answerCall(
  request: UniversalServerRequest,
  call: Call,
  options: RpcHandlerOptions & {
    readonly path: string;
    readonly handler: UniversalHandler | undefined;
    /** Where the method answers with a stream. */
    readonly stream: ServerStreamHandler | undefined;
    readonly foreign: ConnectError | undefined;
    readonly response: HttpResponse;
  },
): Promise<UniversalServerResponse | undefined> {
  const { path, handler, stream, foreign, stopping, publicServices, access, messageLimit } = options;
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
    if (!publicServices.has(handler.service.typeName)) {
      call.credential = await access.authenticate(request.header.get("authorization") ?? undefined);
      if (call.credential !== undefined) contextValues.set(callerKey, call.credential.caller);
    }
    const fault = headerFault(wire, request, options);
    if (fault !== undefined) return refuse(fault);

    call.handled = true;
    const streaming = stream?.({ ...request, contextValues }, call, options.response);
    if (streaming !== undefined) {
      await streaming;
      return undefined;
    }
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
