import type { DescMethod } from "@bufbuild/protobuf";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { Input } from "../../surroundings/clients/call.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send, textPart } from "../kit/chats.js";
import { holds, placesOf, signedTurn } from "../kit/canaries.js";
import { has, watchedChat } from "../kit/subscriptions.js";

const { method } = ChatService;

export const unary = defineCase({
  id: "redact/unary",
  title: "what only the provider may see again is in no answer of a call",
  rules: ["PART-4"],
  level: "MUST",
  profile: "core",
  needs: ["model", "anthropic"],
  mutant: "M160",
  wires: "each",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, canary, check, client, model, precondition, use, waitFor } = context;
    const signature = canary();
    const { chatId, watcher } = await watchedChat(context, { dialect: "anthropic" });
    const script = model.script(...signedTurn(signature));
    script.open("shown");
    await arrange("a message", "response", () => send(context, chatId, script.says("think")));
    const view = await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(4)));
    const second = await arrange("the second prompt", "response", (signal) => script.call(1, { signal }));
    precondition("the target keeps the signature, and sends it back", holds(second, signature));

    const answered = async <M extends DescMethod>(called: M, input: Input<M>): Promise<void> => {
      const call = use(client().call(called, input));
      const end = await waitFor(
        { rule: "PART-4", sentence: `${called.name} ends`, happens: (signal) => call.ended({ signal }) },
        "response",
      );
      precondition(`${called.name} was answered`, end.how === "completed");
      check("PART-4", `the answer of ${called.name} does not tell the signature`, {
        expected: [],
        observed: placesOf(signature, call.frames),
      });
    };
    const [messageId = 0n] = view.messages.keys();
    const again = model.script(...signedTurn(signature));
    again.open("shown");
    await answered(method.getChat, { chatId });
    await answered(method.listMessages, { chatId });
    await answered(method.listChats, { pageSize: 200 });
    await answered(method.updateChat, {
      chat: { id: chatId, pinned: true },
      updateMask: { paths: ["pinned"] },
    });
    await answered(method.editMessage, { chatId, messageId, parts: [textPart(again.says("anew"))] });
    await arrange("the turn after the edit", "response", (signal) =>
      watcher.settled({ signal }, ({ messages }) => messages.size === 4 && !messages.has(messageId)),
    );
    await answered(method.listMessages, { chatId });
  },
});
