import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { type PacedPlan, planRequest } from "./paced-model.js";

/** What a paced model at this URL says, as it comes: of each of its events the text alone is looked for. */
export async function* followModel(url: string, plan: PacedPlan): AsyncGenerator<string, void, undefined> {
  const request = httpRequest(`${url}/v1/chat/completions`, { method: "POST" });
  request.end(planRequest(plan));
  const [response] = (await once(request, "response")) as [NodeJS.ReadableStream];
  const start = '"content":"';
  let rest = "";
  for await (const chunk of response.setEncoding("latin1") as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const from = line.indexOf(start);
      if (from !== -1) yield line.slice(from + start.length, line.indexOf('"', from + start.length));
    }
  }
}
