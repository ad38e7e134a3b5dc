// A model that says at a fixed rate when it says it.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { answerParent } from "./answer-parent.js";
import { readPlan } from "./paced-model.js";
import { stampedDelta } from "./stamped-delta.js";
import { nowUs } from "./wire.js";

function event(delta: object, finishReason: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  const body = { id: "paced", object: "chat.completion.chunk", created: 0, model: "paced", choices };
  return `data: ${JSON.stringify(body)}\n\n`;
}

const server = createServer((request, response) => {
  void (async () => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8") as AsyncIterable<string>) body += chunk;
    const plan = readPlan(body);
    if (plan === undefined) {
      response.writeHead(400).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(event({ role: "assistant" }, null));
    const beganUs = nowUs();
    for (let index = 0; index < plan.deltas && !response.destroyed; index++) {
      // By the clock, not by the pause: what is late does not make the rest late.
      const dueUs = beganUs + ((index + 1) * 1_000_000) / plan.perSecond;
      const waitMs = (dueUs - nowUs()) / 1_000;
      if (waitMs > 0) await sleep(waitMs);
      response.write(event({ content: stampedDelta(plan.deltaBytes) }, null));
    }
    response.write(event({}, "stop"));
    response.end("data: [DONE]\n\n");
  })();
});
server.on("connection", (socket) => socket.setNoDelay(true));
server.listen(0, "127.0.0.1");
await once(server, "listening");
answerParent({ url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
