import { nowUs } from "../../kit/wire.js";
import { type PacedModel, pacedModelName, planText } from "../../kit/paced-model.js";
import { startPalaver } from "../../kit/palaver.js";
import { scriptOf } from "../../kit/scripts.js";
import type { BenchRun } from "../../run/bench-case.js";
import { Resources } from "../../run/resources.js";
import { pacedPlan, type Plan } from "../kit/plan.js";
import { Readers, type Target } from "../kit/target.js";

/** Palaver as it is shipped, on Postgres: a script in the server says these plans, or this model behind OpenAI's interface. */
export async function startPalaverTarget(
  bench: BenchRun,
  { model, plans }: { readonly model: PacedModel; readonly plans: readonly Plan[] },
): Promise<Target> {
  const resources = new Resources();
  try {
    const scripts = new Map(
      plans
        .filter((plan) => plan.model === undefined)
        .map((plan) => [scriptName(plan), scriptOf(scriptName(plan), { ...plan, staysMs: staysMs(plan) })]),
    );
    const palaver = resources.use(
      await startPalaver({ bench, scripts: [...scripts.values()], env: model.env }),
    );
    const readers = resources.use(new Readers("palaver/readers-process.ts"));
    return {
      url: palaver.url,
      readers,
      cpuUs: async () => (await palaver.child.usage()).cpuUs,
      prepare: async (plan) => {
        const chatId = await palaver.createChat();
        const [text, name] =
          plan.model !== undefined
            ? [planText(pacedPlan(plan)), pacedModelName]
            : ["go", `scripted/${scriptName(plan)}`];
        return {
          address: chatId,
          go: async () => {
            const beganUs = nowUs();
            await palaver.say(chatId, text, name);
            return beganUs;
          },
          end: async () => {
            if (plan.stays === true) await palaver.client.interruptChat({ chatId });
          },
        };
      },
      [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
    };
  } catch (error) {
    await resources[Symbol.asyncDispose]();
    throw error;
  }
}

function scriptName({ deltas, deltaBytes, intervalMs }: Plan): string {
  return `plan-${deltas}-${deltaBytes}-${intervalMs}`;
}

function staysMs({ stays }: Plan): number {
  return stays === true ? 3_600_000 : 0;
}
