import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import {
  type AddressInfo,
  createServer as createTcpServer,
  isIPv6,
  type Server,
  type Socket,
} from "node:net";
import type { Clock } from "../platform/index.js";
import { keepAlive } from "./http2-keep-alive.js";
import { sniffProtocol } from "./sniff-protocol.js";
import { StartError } from "./start-error.js";
import { type MutualTls, tlsHandshake } from "./tls-handshake.js";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

/** What one client, or all of them, may take of the server. */
export interface ListenerLimits {
  /** Open connections; further ones are closed at once. Default 10,000. */
  readonly maxConnections?: number | undefined;
  /** Open calls of one HTTP/2 connection; further ones are refused, which clients queue or repeat. Default 4,096. */
  readonly maxConcurrentStreams?: number | undefined;
  /** All headers of one request. Default 16 KiB. */
  readonly maxHeaderBytes?: number | undefined;
  /**
   * From the connection to its first bytes, or to the end of its TLS handshake, and from the first to the last byte of a
   * request's headers. Default 15 s.
   */
  readonly headersTimeoutMs?: number | undefined;
  /** From the first to the last byte of an HTTP/1.1 request. Default 300 s. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long an HTTP/1.1 connection may wait for its next request. Default 60 s. */
  readonly keepAliveTimeoutMs?: number | undefined;
  /** Pause between two pings of an HTTP/2 connection. Default 15 s. */
  readonly pingIntervalMs?: number | undefined;
  /** How long a ping may stay without answer before the connection counts as dead. Default 10 s. */
  readonly pingTimeoutMs?: number | undefined;
}

export interface ListenOptions extends ListenerLimits {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Only for clients with a certificate that the authority vouches for. Without: no encryption at all. */
  readonly tls?: MutualTls | undefined;
  /** Told of connections that were closed because their TLS handshake failed. */
  readonly handshakeFailed?: ((error: Error) => void) | undefined;
  readonly handler: HttpHandler;
  readonly clock: Clock;
}

export interface Listener {
  /** `http://host:port`, or `https:` with TLS; with the port that is really used. */
  readonly url: string;
  /** The address that the host name stood for. */
  readonly host: string;
  readonly port: number;
  /**
   * Accepts nothing new, tells HTTP/2 peers to go away, closes what is idle, waits for what runs, and after `graceMs`
   * cuts off the rest. Resolves when no connection is left. May be called again.
   */
  close(graceMs: number): Promise<void>;
}

/**
 * Serves HTTP/1.1 and HTTP/2 on one port. Without TLS ("h2c", with prior knowledge) the first three bytes of a connection tell
 * which it is, with TLS its handshake does.
 *
 * @throws StartError when the address cannot be had
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const {
    handler,
    clock,
    tls,
    handshakeFailed = () => undefined,
    maxConnections = 10_000,
    maxConcurrentStreams = 4096,
    maxHeaderBytes = 16 * 1024,
    headersTimeoutMs = 15_000,
    requestTimeoutMs = 300_000,
    keepAliveTimeoutMs = 60_000,
    pingIntervalMs = 15_000,
    pingTimeoutMs = 10_000,
  } = options;
  let closing: Promise<void> | undefined;

  const http1 = createHttp1Server({
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5000, headersTimeoutMs),
  });
  const responses = new Set<ServerResponse>();
  http1.on("request", (request, response) => {
    if (closing !== undefined) response.shouldKeepAlive = false;
    responses.add(response);
    response.once("close", () => {
      responses.delete(response);
      // It may have promised to keep its connection.
      if (closing !== undefined) request.socket.destroySoon();
    });
    handler(request, response);
  });
  // This server never listens itself; the event is what arms its time limits.
  http1.emit("listening");

  const sessions = new Set<ServerHttp2Session>();
  const http2 = createHttp2Server({ settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderBytes } });
  http2.on("request", handler);
  http2.on("session", (session) => {
    sessions.add(session);
    const pings = keepAlive(session, { clock, intervalMs: pingIntervalMs, timeoutMs: pingTimeoutMs });
    session.once("close", () => {
      pings[Symbol.dispose]();
      sessions.delete(session);
    });
    // A connection that fails has closed: those who still use it learn from their streams.
    session.on("error", () => session.destroy());
    if (closing !== undefined) session.close();
  });
  http2.on("sessionError", () => undefined);

  const decide = tls === undefined ? sniffProtocol : tlsHandshake(tls, handshakeFailed);
  const undecided = new Set<Socket>();
  const sockets = new Set<Socket>();
  const server = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    undecided.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      undecided.delete(socket);
    });
    decide(socket, {
      clock,
      timeoutMs: headersTimeoutMs,
      decided: (protocol, connection = socket) => {
        undecided.delete(socket);
        (protocol === "http/1.1" ? http1 : http2).emit("connection", connection);
      },
    });
  });
  server.maxConnections = maxConnections;
  await bind(server, options.host, options.port);
  const address = server.address() as AddressInfo;

  const closeAll = async (graceMs: number): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of undecided) socket.destroy();
    for (const session of sessions) session.close();
    for (const response of responses) response.shouldKeepAlive = false;
    // Ends the time limits; it has nothing to close and says so.
    http1.close(() => undefined);
    http1.closeIdleConnections();
    const graceEnds = clock.timer(graceMs, () => {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
    });
    await closed;
    graceEnds[Symbol.dispose]();
  };

  return {
    url: `${tls === undefined ? "http" : "https"}://${isIPv6(options.host) ? `[${options.host}]` : options.host}:${address.port}`,
    host: address.address,
    port: address.port,
    close: (graceMs) => (closing ??= closeAll(graceMs)),
  };
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(startError(error, host, port));
    server.once("error", failed);
    server.listen(port, host, () => {
      server.off("error", failed);
      // What can go wrong from now on (no file descriptor left for a connection) concerns that connection alone.
      server.on("error", () => undefined);
      resolve();
    });
  });
}

function startError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const options = { cause: error };
  switch (error.code) {
    case "EADDRINUSE":
      return new StartError(
        "PORT_IN_USE",
        `Port ${port} on ${host} is in use. Stop the program that uses it, or choose another port (0: any free one).`,
        options,
      );
    case "EACCES":
      return new StartError(
        "PORT_NOT_PERMITTED",
        `This user may not listen on port ${port}. Choose a port from 1024 on.`,
        options,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new StartError(
        "ADDRESS_NOT_AVAILABLE",
        `${host} is no address of this machine. Choose 127.0.0.1, another of its addresses, or 0.0.0.0 for all of them.`,
        options,
      );
    default:
      return error;
  }
}
