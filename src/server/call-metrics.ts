import type { DescMethod } from "@bufbuild/protobuf";
import type { Metrics } from "../platform/index.js";
import { type Call, codeOf } from "./call.js";

/** Counts calls. Labels name methods of the schema, never what a request says it is. */
export interface CallMetrics {
  /** A call has begun: of that method, or of none that is known. Call what is returned when it is over. */
  begin(
    method: DescMethod | undefined,
  ): (call: Call, end: { readonly durationMs: number; readonly sent: boolean }) => void;
}

/** What is asked of a database takes milliseconds, an import up to minutes. */
const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** `methods`: all that are served. Defined once in a replica. */
export function createCallMetrics(metrics: Metrics, methods: readonly DescMethod[]): CallMetrics {
  const calls = metrics.counter(
    "palaver_calls_total",
    "Calls that are over, by the code they ended with. Canceled: the caller left.",
    ["method", "wire", "code"],
  );
  const errors = metrics.counter(
    "palaver_call_errors_total",
    "Calls that were refused or failed, by the reason that the caller was told.",
    ["method", "reason"],
  );
  const durations = metrics.histogram(
    "palaver_call_duration_seconds",
    "How long calls with a single answer took, from the request's headers to the end of the answer.",
    { buckets: durationBuckets, labelNames: ["method"] },
  );
  const open = new Map<string, number>();
  for (const method of methods) if (isStream(method)) open.set(nameOf(method), 0);
  metrics.gauge(
    "palaver_streams_open",
    "Streaming calls that are open.",
    () => [...open].map(([method, value]) => ({ labels: { method }, value })),
    ["method"],
  );

  return {
    begin: (desc) => {
      const method = desc === undefined ? "unknown" : nameOf(desc);
      const streams = desc !== undefined && isStream(desc);
      if (streams) open.set(method, (open.get(method) ?? 0) + 1);
      return (call, { durationMs, sent }) => {
        calls.inc({ method, wire: call.wire, code: codeOf(call, sent) });
        if (call.failed !== undefined) errors.inc({ method, reason: call.failed.reason ?? "none" });
        if (streams) open.set(method, (open.get(method) ?? 0) - 1);
        else if (desc !== undefined) durations.observe(durationMs / 1_000, { method });
      };
    },
  };
}

function nameOf({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}

function isStream({ methodKind }: DescMethod): boolean {
  return methodKind !== "unary";
}
