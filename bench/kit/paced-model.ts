import { Child } from "./child.js";

/** What a paced model is to say: deltas that begin with the time at which they were made, at a fixed rate. */
export interface PacedPlan {
  readonly deltas: number;
  readonly deltaBytes: number;
  readonly perSecond: number;
}

export const pacedModelName = "openai-compatible/paced";

/** What is said to the model so that it follows the plan. */
export function planText(plan: PacedPlan): string {
  return `plan ${plan.deltas} ${plan.deltaBytes} ${plan.perSecond}`;
}

export function readPlan(text: string): PacedPlan | undefined {
  const [, deltas, deltaBytes, perSecond] = /.*plan (\d+) (\d+) (\d+)/s.exec(text) ?? [];
  if (deltas === undefined || deltaBytes === undefined || perSecond === undefined) return undefined;
  return { deltas: Number(deltas), deltaBytes: Number(deltaBytes), perSecond: Number(perSecond) };
}

/** The body of a request of Chat Completions. */
export function planRequest(plan: PacedPlan): string {
  return JSON.stringify({
    model: "paced",
    stream: true,
    messages: [{ role: "user", content: planText(plan) }],
  });
}

/** A model behind OpenAI's interface, in a process of its own. */
export interface PacedModel extends AsyncDisposable {
  readonly url: string;
  /** So that a server finds it. */
  readonly env: Readonly<Record<string, string>>;
}

export async function startPacedModel(): Promise<PacedModel> {
  const child = new Child({ module: "bench/kit/paced-model-process.ts" });
  const url = await child.ask<string>("url");
  return {
    url,
    env: { OPENAI_COMPATIBLE_BASE_URL: `${url}/v1` },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
