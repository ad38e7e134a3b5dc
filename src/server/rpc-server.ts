import { setMaxListeners } from "node:events";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Code, type ConnectError, type ConnectRouter, createConnectRouter } from "@connectrpc/connect";
import { compressionGzip } from "@connectrpc/connect-node";
import { Health } from "../gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { type Clock, type Logger, type Metrics, noMetrics, type Random } from "../platform/index.js";
import { type Access, accessRules } from "./access.js";
import { callInterceptor } from "./call-interceptor.js";
import { ServerHealth } from "./health.js";
import { type ListenerLimits, listen } from "./listener.js";
import { isLoopbackHost } from "./loopback.js";
import { OpenStreams } from "./open-streams.js";
import { registerReflection } from "./reflection.js";
import { rpcError } from "./rpc-error.js";
import { rpcHandler } from "./rpc-handler.js";
import { type ServerStream, serverStreamHandler, serverStreamsOf } from "./server-stream-handler.js";
import { StartError } from "./start-error.js";
import type { MutualTls } from "./tls-handshake.js";
import { validateInterceptor } from "./validate-interceptor.js";

export interface RpcLimits extends ListenerLimits {
  /** One message of a request, as it is decoded. Default 4 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** The same for services that need another limit, by their full names. */
  readonly maxMessageBytesOf?: Readonly<Record<string, number>> | undefined;
  /** One message of a response, before it is compressed: what is stored has to fit into it. Default 64 MiB. */
  readonly maxResponseBytes?: number | undefined;
  /** The longest deadline a caller may set. Default (and maximum) 2^31 - 1 ms, about 24 days. */
  readonly maxTimeoutMs?: number | undefined;
}

export interface RpcServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly access: Access;
  /** Mutual TLS. Without: no encryption. */
  readonly tls?: MutualTls | undefined;
  /** Registers the services. Health is there already, and so is reflection, except between peers. */
  readonly services: (router: ConnectRouter) => void;
  readonly limits?: RpcLimits | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where calls are counted. Default: nowhere. */
  readonly metrics?: Metrics | undefined;
}

export interface RpcServer extends AsyncDisposable {
  /** `http://host:port`, or `https:` with TLS; with the port that is really used. */
  readonly url: string;
  readonly port: number;
  /** Aborts, with the ConnectError that streams end with, when the server begins to stop. */
  readonly shutdownSignal: AbortSignal;
  /** Health says NOT_SERVING from now on. Calls are still answered. */
  setDraining(): void;
  /**
   * Stops: streams end with `unavailable` / `SHUTTING_DOWN` (STREAM-15), new calls are refused with the same, unary calls may
   * run for up to `graceMs`, then every connection is cut. Resolves when none is left. May be called again.
   */
  close(options: { graceMs: number }): Promise<void>;
}

/** Streams may stay open for weeks; a timer cannot be set for longer. */
const maxTimeoutMsOfTimers = 2 ** 31 - 1;

/** Below this, compressing costs more than it saves, and the deltas of a chat are far below it. */
const compressMinBytes = 8 * 1024;

/**
 * Serves gRPC, gRPC-Web and Connect on one port, over HTTP/1.1 and HTTP/2 (without TLS, h2c): the given services, health and
 * reflection.
 *
 * @throws StartError when the address cannot be had, or is open to others without tokens
 */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { host, port, tls, limits = {}, clock, random, logger, metrics = noMetrics } = options;
  const access = accessRules(options.access);
  const {
    maxMessageBytes = 4 * 1024 * 1024,
    maxMessageBytesOf = {},
    maxResponseBytes = 64 * 1024 * 1024,
    maxTimeoutMs = maxTimeoutMsOfTimers,
    ...listenerLimits
  } = limits;
  if (access.loopbackOnly && !isLoopbackHost(host)) throw needsLoopback(host);

  const messageLimit = (service: DescService): number =>
    maxMessageBytesOf[service.typeName] ?? maxMessageBytes;
  const streams = new OpenStreams({ clock, logger });
  const router = createConnectRouter({
    interceptors: [callInterceptor({ streams, logger, random, messageLimit }), validateInterceptor()],
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxResponseBytes,
    maxTimeoutMs,
    acceptCompression: [compressionGzip],
    compressMinBytes,
  });
  const serverStreams = new Map<DescMethod, ServerStream>();
  const registry = registering(router, { messageLimit, serverStreams });
  options.services(registry);
  const services = registeredServices(router);
  const health = new ServerHealth(services.map((service) => service.typeName));
  registry.service(Health, health.service);
  if (access.introducesItself) registerReflection(router, [...services, Health]);

  const shutdown = new AbortController();
  setMaxListeners(0, shutdown.signal);
  const listener = await listen({
    ...listenerLimits,
    host,
    port,
    tls,
    handshakeFailed: (error) => logger.debug({ err: error }, "a TLS handshake failed"),
    clock,
    handler: rpcHandler({
      handlers: router.handlers,
      streams: new Map(
        router.handlers.flatMap(({ method, service, requestPath }) => {
          const serverStream = serverStreams.get(method);
          if (serverStream === undefined) return [];
          const handler = serverStreamHandler(serverStream, {
            streams,
            maxMessageBytes: messageLimit(service),
            maxResponseBytes,
            maxTimeoutMs,
            compressions: [compressionGzip],
            compressMinBytes,
            clock,
            logger,
            random,
          });
          return [[requestPath, handler] as const];
        }),
      ),
      access,
      publicServices: new Set(
        [Health, ServerReflection, ServerReflectionAlpha].map((service) => service.typeName),
      ),
      stopping: () => (shutdown.signal.aborted ? (shutdown.signal.reason as ConnectError) : undefined),
      serving: () => health.serving,
      messageLimit,
      maxResponseBytes,
      maxTimeoutMs,
      compressions: [compressionGzip.name],
      clock,
      random,
      logger,
      metrics,
    }),
  });
  // "localhost" may have been made to mean something else.
  if (access.loopbackOnly && !isLoopbackHost(listener.host)) {
    await listener.close(0);
    throw needsLoopback(host);
  }

  let closed: Promise<void> | undefined;
  const close = async (graceMs: number): Promise<void> => {
    health.setDraining();
    const reason = rpcError(
      Code.Unavailable,
      "SHUTTING_DOWN",
      "This server shuts down. Go on at another one, or later.",
    );
    shutdown.abort(reason);
    streams.endAll(reason);
    await listener.close(graceMs);
    await streams[Symbol.asyncDispose]();
  };
  return {
    url: listener.url,
    port: listener.port,
    shutdownSignal: shutdown.signal,
    setDraining: () => health.setDraining(),
    close: ({ graceMs }) => (closed ??= close(graceMs)),
    [Symbol.asyncDispose]: () => (closed ??= close(0)),
  };
}

/** The router, with each service's own limit for the messages that it reads. Notes which methods answer with a stream. */
function registering(
  router: ConnectRouter,
  {
    messageLimit,
    serverStreams,
  }: {
    readonly messageLimit: (service: DescService) => number;
    readonly serverStreams: Map<DescMethod, ServerStream>;
  },
): ConnectRouter {
  return {
    handlers: router.handlers,
    service(service, implementation, options) {
      for (const serverStream of serverStreamsOf(service, implementation))
        serverStreams.set(serverStream.method, serverStream);
      router.service(service, implementation, { readMaxBytes: messageLimit(service), ...options });
      return this;
    },
    rpc(method, implementation, options) {
      router.rpc(method, implementation, { readMaxBytes: messageLimit(method.parent), ...options });
      return this;
    },
  };
}

function registeredServices(router: ConnectRouter): DescService[] {
  return [...new Set(router.handlers.map((handler) => handler.service))];
}

function needsLoopback(host: string): StartError {
  return new StartError(
    "DEV_MODE_NEEDS_LOOPBACK",
    `Without API tokens anyone who reaches the server owns its chats, so it listens on loopback addresses only, and ${host} is none. ` +
      "Choose 127.0.0.1 or ::1, or require tokens.",
  );
}
