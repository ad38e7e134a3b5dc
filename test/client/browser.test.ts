import { toJson } from "@bufbuild/protobuf";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ChatStatus, MessageSchema } from "../../src/client/index.js";
import { gate, type ProviderServer, startProviderServer, text } from "../kit/provider-server/index.js";
import { newChat, startTestReplica, type TestReplica } from "../kit/replica.js";
import { openTcpGate, type TcpGate } from "../kit/tcp-gate.js";
import { until } from "../kit/until.js";
import { bundle } from "./bundle.js";
import { startChromium } from "../kit/chromium.js";
import type { PageLook, PageWindow } from "./web-page.js";

let server: ProviderServer;
let replica: TestReplica;
let link: TcpGate;
let browser: Browser;
let code: string;

// The browser may have to be installed.
beforeAll(async () => {
  server = await startProviderServer();
  replica = await startTestReplica({ providers: server });
  link = await openTcpGate({ host: "127.0.0.1", port: Number(new URL(replica.url).port) });
  browser = await startChromium();
  const entry = `import { palaver } from "./test/client/web-page.js"; Object.assign(globalThis, { palaver });`;
  ({ code } = await bundle({ entry }));
}, 600_000);
afterAll(async () => {
  await browser.close();
  await link[Symbol.asyncDispose]();
  await replica[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** In the page; in here it is only a name. */
declare const palaver: PageWindow;

/** A page of the server's own origin: in development mode it answers to no other. */
async function openPage(
  chatId: string,
): Promise<{ page: Page; look: (fits: (look: PageLook) => boolean, what: string) => Promise<PageLook> }> {
  link.mend();
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${link.port}/`);
  await page.addScriptTag({ content: code, type: "module" });
  await page.waitForFunction(() => "palaver" in globalThis);
  await page.evaluate((id) => palaver.open(id), chatId);
  const look = async (fits: (look: PageLook) => boolean, what: string): Promise<PageLook> =>
    until(
      async () => {
        const seen = await page.evaluate(() => palaver.look());
        if (seen === undefined || !fits(seen)) throw new Error(JSON.stringify(seen));
        return seen;
      },
      { what },
    );
  return { page, look };
}

async function committed(chatId: string): Promise<unknown[]> {
  const { messages } = await replica.client.listMessages({ chatId });
  return messages.map((message) => toJson(MessageSchema, message));
}

const isDone = ({ caughtUp, status, messages }: PageLook): boolean =>
  caughtUp && status === ChatStatus.WAITING && messages.length === 2;

it("a page that loses its connection amid an answer shows the rest of it, exactly", async () => {
  const script = await server.script([
    text("Once upon ", { chunk: 2 }),
    gate("middle"),
    text("a time 🙂", { chunk: 3 }),
    gate("later"),
    text(" there was.", { chunk: 3 }),
  ]);
  const chatId = await newChat(replica.client, `openai/${script.model}`);
  const { page, look } = await openPage(chatId);
  await look(({ caughtUp }) => caughtUp, "the page to have caught up");
  await page.evaluate(() => palaver.send("tell me"));
  await look(({ step }) => step === "Once upon ", "the first part");
  link.sever();
  await look(({ state }) => state === "waiting", "the page to notice that the connection is lost");
  await script.open("middle");
  link.mend();
  await look(({ step, state }) => state === "open" && step === "Once upon a time 🙂", "the second part");
  link.sever();
  await look(({ state }) => state === "waiting", "the page to notice that the connection is lost again");
  await script.open("later");
  await replica.watch(chatId).status(ChatStatus.WAITING);
  link.mend();
  const { messages, step, states } = await look(isDone, "the whole answer");
  expect(messages).toEqual(await committed(chatId));
  expect(step).toBe("");
  expect(states.filter((state) => state === "open").length).toBeGreaterThanOrEqual(3);
  await page.close();
});

it("a page that leaves ends its subscription, not the answer", async () => {
  const script = await server.script([text("Once "), gate("middle"), text("more")]);
  const chatId = await newChat(replica.client, `openai/${script.model}`, "tell me");
  const { page, look } = await openPage(chatId);
  await look(({ step }) => step === "Once ", "the first part");
  await page.evaluate(() => palaver.close());
  await page.close();
  await script.open("middle");
  const watch = replica.watch(chatId);
  await watch.status(ChatStatus.WAITING);
  expect(JSON.stringify(await committed(chatId))).toContain("Once more");
});
