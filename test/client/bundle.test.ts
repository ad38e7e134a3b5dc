import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { bundle } from "./bundle.js";

const everything = `export * from "palaver/client";`;
const packages = ["@bufbuild/*", "@connectrpc/*"];

const typical = `
  import { createConnectTransport } from "@connectrpc/connect-web";
  import { createPalaverClient, followChat, sendMessage, textPart, watchChats, reduceChatList, createChatListView } from "palaver/client";
  const client = createPalaverClient({ transport: createConnectTransport({ baseUrl: location.origin }) });
  Object.assign(globalThis, { client, followChat, sendMessage, textPart, watchChats, reduceChatList, createChatListView });
`;

/** Budgets, in bytes: what a page loads. Raise one knowingly. */
it("the client is small, and needs nothing of Node", async () => {
  const [alone, whole] = await Promise.all([
    bundle({ entry: everything, external: packages }),
    bundle({ entry: typical }),
  ]);
  console.log(`client alone, with its schema: ${alone.gzipBytes} bytes gzipped`);
  console.log(`whole page with connect-web and protobuf: ${whole.gzipBytes} bytes gzipped`);
  expect(alone.gzipBytes).toBeLessThan(14_500);
  expect(whole.gzipBytes).toBeLessThan(64_000);
  expect(alone.inputs.filter((file) => !/^src\/(client|gen)\/|^<stdin>$/.test(file))).toEqual([]);
});

it("who uses one function pays for that one", async () => {
  const { inputs } = await bundle({
    entry: `import { reasonOf } from "palaver/client"; console.log(reasonOf(undefined));`,
    external: packages,
  });
  expect(inputs).toContain("src/client/call-failure.ts");
  expect(inputs).not.toContain("src/client/chat-view.ts");
  expect(inputs).not.toContain("src/gen/palaver/chat/v1/chat_service_pb.ts");
});

it("the package names the file that its sources build to", async () => {
  const { exports } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  expect(exports["./client"]).toEqual({
    types: "./dist/client/index.d.ts",
    default: "./dist/client/index.js",
  });
});
