// Says something and prints the answer while it is generated. Node, over HTTP/2.
//
//   npx tsx examples/chat.ts "hello"
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ChatStatus, createChat, createPalaverClient, followChat, type Part, textPart } from "palaver/client";

const baseUrl = process.env["PALAVER_URL"] ?? "http://127.0.0.1:7717";
const token = process.env["PALAVER_TOKEN"];

// Pings notice a server that has vanished without a word.
const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs: 15_000 });
const transport = createConnectTransport({
  baseUrl,
  httpVersion: "2",
  sessionManager,
  interceptors: [
    (next) => (request) => {
      if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
      return next(request);
    },
  ],
});
const client = createPalaverClient({ transport });

const { chat, messages } = await createChat(client, { parts: [textPart(process.argv[2] ?? "hello")] });
const asked = messages.at(-1)?.id ?? 0n;

// What was printed of the answer; it only ever grows, unless an attempt fails and the answer starts over.
let printed = "";
for await (const view of followChat(client, { chatId: chat?.id ?? "", afterMessageId: asked })) {
  const parts = [...view.messages.flatMap((message) => message.parts), ...(view.step?.parts ?? [])];
  const answer = textOf(parts);
  process.stdout.write(
    answer.startsWith(printed) ? answer.slice(printed.length) : `\n[starts over]\n${answer}`,
  );
  printed = answer;
  if (view.connection.state === "waiting") console.error("[connection lost, trying to reconnect]");
  if (view.error !== undefined) console.error(`[failed: ${view.error.message}]`);
  const idle = view.status === ChatStatus.WAITING || view.status === ChatStatus.ERROR;
  if (view.caughtUp && idle) break;
}
process.stdout.write("\n");
sessionManager.abort();

function textOf(parts: readonly Part[]): string {
  return parts.map(({ kind }) => (kind.case === "text" ? kind.value.text : "")).join("");
}
