// Prints what happens in a chat, across lost connections and across runs of this program: the cursor is kept in a file.
//
//   npx tsx examples/tail.ts CHAT cursor.txt
import { readFile, writeFile } from "node:fs/promises";
import { createConnectTransport } from "@connectrpc/connect-node";
import { createPalaverClient, subscribe } from "palaver/client";

const [chatId = "", cursorFile = "cursor.txt"] = process.argv.slice(2);
const baseUrl = process.env["PALAVER_URL"] ?? "http://127.0.0.1:7717";
const client = createPalaverClient({ transport: createConnectTransport({ baseUrl, httpVersion: "1.1" }) });

const cursor = await readFile(cursorFile, "utf8").catch(() => "");
const leave = new AbortController();
process.once("SIGINT", () => leave.abort());

for await (const item of subscribe(client, { chatId, cursor, signal: leave.signal })) {
  if (item.type === "connection") {
    console.error(`[${item.connection.state}]`);
    continue;
  }
  // Everything begins anew: whoever keeps state throws it away here.
  if (item.type === "reset") console.log(`reset: ${item.reason}`);
  for (const { event } of item.events) console.log(event.case);
  // After what it stands for was dealt with: a program that dies in between sees that again, and misses nothing.
  await writeFile(cursorFile, item.cursor);
}
