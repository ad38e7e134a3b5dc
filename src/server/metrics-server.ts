import type { Clock, Logger, ReadableMetrics } from "../platform/index.js";
import { type HttpHandler, type HttpResponse, listen } from "./listener.js";

export interface MetricsServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly metrics: Pick<ReadableMetrics, "text" | "contentType">;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface MetricsServer {
  /** `http://host:port/metrics`, with the port that is really used. */
  readonly url: string;
  /** Answers what was asked already, if that takes no longer than a second. Resolves when no connection is left. May be called again. */
  close(): Promise<void>;
}

const path = "/metrics";

/** Some that read them, each with a few connections. Others are turned away, so that nobody can hold much of a replica here. */
const limits = {
  maxConnections: 32,
  maxConcurrentStreams: 8,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  // More than the minute that may pass between two looks.
  keepAliveTimeoutMs: 75_000,
};

const closeMs = 1_000;

/**
 * Serves metrics to whoever reaches this address, without a token: `GET /metrics`, in the text format of Prometheus, and nothing else.
 *
 * @throws StartError when the address cannot be had
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port, clock } = options;
  const listener = await listen({ ...limits, host, port, clock, handler: metricsHandler(options) });
  return { url: `${listener.url}${path}`, close: () => listener.close(closeMs) };
}

function metricsHandler({ metrics, logger }: Pick<MetricsServerOptions, "metrics" | "logger">): HttpHandler {
  return (request, response) => {
    // Nothing here reads a body; one that is sent must not keep the connection from its next request.
    request.resume();
    if (request.url?.split("?", 1)[0] !== path) {
      return answer(response, 404, plain, `Metrics are at ${path}, and nothing else is here.\n`);
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return answer(response, 405, { ...plain, allow: "GET, HEAD" }, "Only GET and HEAD work here.\n");
    }
    metrics.text().then(
      (text) => answer(response, 200, { "content-type": metrics.contentType }, text),
      (error: unknown) => {
        logger.error({ err: error }, "the metrics could not be read");
        answer(response, 500, plain, "The metrics could not be read. The log says why.\n");
      },
    );
  };
}

const plain = { "content-type": "text/plain; charset=utf-8" };

function answer(
  response: HttpResponse,
  status: number,
  header: Readonly<Record<string, string>>,
  text: string,
): void {
  response.writeHead(status, {
    ...header,
    "content-length": Buffer.byteLength(text),
    "x-content-type-options": "nosniff",
  });
  response.end(text);
}
