import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { wires } from "../../surroundings/clients/wires.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { streamedTurn } from "./streamed-turn.js";

export const http1Stream = defineCase({
  id: "wire/http1-stream",
  title: "over HTTP/1.1 calls with one answer work, and Subscribe streams there too",
  rules: ["COMPAT-3", "STREAM-8"],
  level: "MUST",
  profile: "core",
  features: ["http1"],
  needs: ["model"],
  mutant: "M33",
  wires: ["grpc-web", "connect", "connect+json"],
  limitMs: 60_000,
  run: async (context) => {
    const { check, client, waitFor } = context;
    const wire = wires.find(
      ({ claim, httpVersion }) => claim === context.wire && httpVersion === "1.1",
    )?.name;
    if (wire === undefined) throw new Error(`${context.wire} has no way over HTTP/1.1`);
    const chatId = await streamedTurn(context, { wire });
    const { chat } = await waitFor(
      {
        rule: "COMPAT-3",
        sentence: "GetChat works over HTTP/1.1",
        happens: () => client({ wire }).unary(ChatService.method.getChat, { chatId }),
      },
      "response",
    );
    check("COMPAT-3", "it is the chat", { expected: chatId, observed: chat?.id });
  },
});
