import type { DescMethod } from "@bufbuild/protobuf";
import type { CallEnd, CallOptions, Input } from "../../surroundings/clients/call.js";
import type { RpcFailure } from "../../surroundings/clients/rpc-failure.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import type { RuleId } from "../../suite/rules/requirements.js";
import type { As } from "../../suite/run/stage.js";

/** How a call ends that has to be refused. One that is not, and streams, is left as soon as it tells something. */
export async function endOf<R extends RuleId, M extends DescMethod>(
  { client, use, waitFor }: Pick<CaseContext<R>, "client" | "use" | "waitFor">,
  rule: R,
  method: M,
  input: Input<M>,
  { headers, ...as }: As & CallOptions = {},
): Promise<CallEnd> {
  const call = use(client(as).call(method, input, headers === undefined ? {} : { headers }));
  return waitFor(
    {
      rule,
      sentence: `${method.name} is answered`,
      happens: (signal) =>
        call.until("an end", (messages) => call.end ?? (messages.length > 0 ? answered : undefined), {
          signal,
        }),
    },
    "response",
  );
}

const answered = { how: "completed" } as const satisfies CallEnd;

/** What a program can tell failures apart by. */
export function saysOf(end: CallEnd): Omit<RpcFailure, "details" | "origin"> | { readonly how: string } {
  if (end.how !== "failed") return { how: end.how };
  const { code, reason, domain, message, metadata, violations } = end.failure;
  return { code, reason, domain, message, metadata, violations };
}
