import type { OpenCall } from "../chat/index.js";
import type { Clock, Logger } from "../platform/index.js";
import type { StoredPart, ToolResultPart } from "../protocol/index.js";
import { encodeToolOutput, type Tool, type ToolRegistry } from "../tools/index.js";

/**
 * What is to be done about each open call of a batch.
 *
 * A call that was started before and has no result belongs to a worker that died: whether its tool had its effect is unknown, so it is
 * run again only where that does no harm. A side effect is never silently repeated.
 */
export type CallPlan =
  | { readonly type: "run"; readonly call: OpenCall; readonly tool: Tool }
  | { readonly type: "answered"; readonly call: OpenCall; readonly result: ToolResultPart };

/** `earlier`: results that a worker before us had written down. */
export function planCalls(
  calls: readonly OpenCall[],
  tools: ToolRegistry,
  earlier: readonly StoredPart[],
  at: string,
): CallPlan[] {
  return calls.map((call) => {
    const known = earlier.find(
      (part) => part.type === "tool-result" && part.tool_call_id === call.toolCallId,
    );
    if (known?.type === "tool-result") return { type: "answered", call, result: known };
    const tool = tools.get(call.toolName);
    if (tool === undefined) {
      return {
        type: "answered",
        call,
        result: failed(call, `There is no tool named ${JSON.stringify(call.toolName)}.`, at),
      };
    }
    if (call.startedAt !== undefined && !tool.idempotent) {
      const why =
        "The tool was started, but the server failed before it ended: whether it took effect is unknown.";
      return { type: "answered", call, result: failed(call, why, at) };
    }
    return { type: "run", call, tool };
  });
}

/** Runs one tool. Never throws: a failure is a result that the model can read. Settles promptly after the signal aborts. */
export async function runCall(
  plan: Extract<CallPlan, { type: "run" }>,
  options: { signal: AbortSignal; clock: Clock; timeoutMs: number; logger: Logger },
): Promise<ToolResultPart> {
  const { call, tool } = plan;
  const { clock, signal, timeoutMs, logger } = options;
  const now = (): string => clock.now().toISOString();
  if (call.argsJson === undefined) return failed(call, "The arguments are not valid JSON.", now());
  const limit = new AbortController();
  const stop = (): void => limit.abort();
  signal.addEventListener("abort", stop, { once: true });
  const overdue = new AbortController();
  using _timer = clock.timer(timeoutMs, () => {
    overdue.abort();
    limit.abort();
  });
  try {
    if (signal.aborted) return failed(call, "The tool call was stopped.", now());
    const args = tool.parse(call.argsJson);
    const value = await settleOrAbort(tool.run(args, { signal: limit.signal, clock }), limit.signal);
    const { resultJson, isError } = encodeToolOutput(value);
    return {
      type: "tool-result",
      tool_call_id: call.toolCallId,
      tool_name: call.toolName,
      result_json: resultJson,
      created_at: now(),
      ...(isError ? { is_error: true } : {}),
    };
  } catch (error) {
    if (overdue.signal.aborted)
      return failed(call, `The tool did not answer within ${Math.round(timeoutMs / 1000)} s.`, now());
    if (!signal.aborted) logger.info({ tool: call.toolName, err: error }, "a tool failed");
    return failed(call, error instanceof Error ? error.message : "The tool failed.", now());
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function failed(call: OpenCall, why: string, at: string): ToolResultPart {
  const { resultJson } = encodeToolOutput(new Error(why));
  return {
    type: "tool-result",
    tool_call_id: call.toolCallId,
    tool_name: call.toolName,
    result_json: resultJson,
    is_error: true,
    created_at: at,
  };
}

/** A tool that ignores the abort is left behind; what it does afterwards is nobody's any more. */
function settleOrAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Error("The tool call was stopped."));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
