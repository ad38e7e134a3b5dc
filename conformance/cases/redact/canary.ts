import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { gate, httpError, reasoning, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { holds, placesOf } from "../kit/canaries.js";
import { has, watchedChat } from "../kit/subscriptions.js";

export const canary = defineCase({
  id: "redact/canary",
  title:
    "what a provider wants back, and quotes when it refuses it, reaches no client on any replica, nor an error",
  rules: ["PART-4"],
  level: "MUST",
  profile: "core",
  needs: ["model", "anthropic"],
  mutant: "M26",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, client, fence, model, never, precondition, target, use, watch } = context;
    const signature = context.canary();
    const header = context.canary();
    const { chatId, watcher } = await watchedChat(context, { dialect: "anthropic" });
    // On every replica somebody watches: on all but one of them deltas come from another.
    const watchers = [watcher, ...target.replicas.slice(1).map((replica) => watch(chatId, { replica }))];
    await arrange("everybody is there", "response", (signal) =>
      Promise.all(watchers.map((each) => each.caughtUp({ signal }))),
    );
    const script = model.script([
      reasoning("a thought", { signature }),
      text("One "),
      gate("shown"),
      text("two"),
    ]);
    await arrange("a message", "response", () => send(context, chatId, script.says("think")));
    await arrange("everybody sees what it says", "response", async (signal) => {
      await script.reached("shown", { signal });
      await Promise.all(
        watchers.map((each) => each.until("deltas", (view) => view.step !== undefined, { signal })),
      );
    });
    script.open("shown");
    await arrange("its end", "response", (signal) =>
      Promise.all(watchers.map((each) => each.settled({ signal }, has(2)))),
    );

    const refusal = httpError(400, `messages.1.content.0: invalid signature '${signature}'`, {
      headers: { "request-id": header },
    });
    const refused = model.script([refusal]);
    await arrange("another message", "response", () => send(context, chatId, refused.says("go on")));
    await fence("the failure is told", "response", (signal) =>
      Promise.all(watchers.map((each) => each.settled({ signal }, ({ error }) => error !== undefined))),
    );
    const second = await arrange("the refused prompt", "response", (signal) => refused.call(0, { signal }));
    precondition("the target keeps the signature, and sends it back", holds(second, signature));

    const { method } = ChatService;
    const calls = [method.getChat, method.listMessages].map((called) =>
      use(client().call(called, { chatId })),
    );
    await arrange("the chat and its messages", "response", (signal) =>
      Promise.all(calls.map((call) => call.ended({ signal }))),
    );
    const newcomer = watch(chatId);
    await arrange("a newcomer", "response", (signal) => newcomer.caughtUp({ signal }));
    for (const { path, frames } of [...watchers.map(({ call }) => call), ...calls, newcomer.call]) {
      never("PART-4", `${path} does not tell what signs reasoning`, placesOf(signature, frames));
      never("PART-4", `${path} does not tell what stood in the provider's headers`, placesOf(header, frames));
    }
  },
});
