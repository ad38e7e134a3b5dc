import { inspect } from "node:util";
import { createServer, connect as connectTcp, type AddressInfo } from "node:net";
import { once } from "node:events";
import { pino } from "pino";
import { expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { runPalaver } from "../cli/run-palaver.js";
import { startNats } from "../kit/nats-server.js";
import { freePort } from "../kit/ports.js";
import {
  gate,
  httpError,
  reasoning,
  startProviderServer,
  text,
  webSearch,
} from "../kit/provider-server/index.js";
import { newChat, says, startTestReplica } from "../kit/replica.js";
import { Scrape } from "../kit/scrape.js";

/** What every secret of a provider or of a model contains: it leaves the replica that has it for the provider alone. */
const canary = "c4n4ry";
/** What the secrets of the cluster contain: they go where they are presented, and are shown nowhere. */
const ours = "c1u5t3r";

const key = `sk-ant-${canary}0123456789`;
const clusterToken = `token-of-the-${ours}-0123456789`;
const natsPassword = `password-${ours}`;

/** All that could be seen from outside, each with where it was. */
const seen: { readonly where: string; readonly said: string }[] = [];
const record = (where: string, said: string): void => void seen.push({ where, said });

it("no secret reaches a peer, the bus, metrics, the log of any replica, or what commands print (PART-4)", {
  timeout: 60_000,
}, async () => {
  await using providers = await startProviderServer();
  await using nats = await startNats({
    config: `authorization { user: "palaver", password: "${natsPassword}" }`,
    login: { user: "palaver", pass: natsPassword },
  });
  const listener = await nats.connect();
  listener.subscribe(">", {
    callback: (_, { subject, data, headers }) => {
      record("bus", `${subject} ${Buffer.from(data).toString("latin1")} ${inspect([...(headers ?? [])])}`);
    },
  });
  await listener.flush();

  const relayPort = await freePort();
  await using link = await startTap(relayPort);
  const logger = pino({ level: "debug" }, { write: (line: string) => record("log", line) });
  const shared = {
    NATS_URL: nats.url,
    NATS_USER: "palaver",
    NATS_PASSWORD: natsPassword,
    PALAVER_CLUSTER_TOKEN: clusterToken,
    PALAVER_METRICS_LISTEN: "127.0.0.1:0",
    ANTHROPIC_API_KEY: key,
  };
  await using worker = await startTestReplica({
    providers,
    logger,
    env: {
      ...shared,
      PALAVER_RELAY_LISTEN: `127.0.0.1:${relayPort}`,
      PALAVER_ADVERTISE_URL: link.url,
    },
  });
  await using other = await startTestReplica({
    providers,
    logger,
    env: { ...shared, DATABASE_URL: worker.env["DATABASE_URL"] ?? "", PALAVER_CONCURRENT_TURNS: "0" },
  });

  const found = [{ url: "https://example.com", title: "E", encryptedContent: `encrypted-${canary}` }];
  const signature = `signature-${canary}`;
  const script = await providers.script(
    [
      gate("watched"),
      reasoning("Let me think.", { chunk: 3, signature }),
      reasoning("", { redacted: `redacted-${canary}` }),
      webSearch("what", found, { id: "srvtoolu_1" }),
      reasoning("", { signature }),
      text("I searched."),
      gate("shown"),
    ],
    [httpError(401, `Incorrect API key provided: ${key}.`)],
  );
  const chatId = await newChat(other.client, `anthropic/${script.model}`, "Go");
  await script.reached("watched");
  const watch = other.watch(chatId);
  await watch.event("caughtUp");
  await script.open("watched");
  await script.reached("shown");
  await watch.event("messagePart", ({ part }) => part?.kind.case === "text");
  await script.open("shown");
  await watch.status(ChatStatus.WAITING);
  const answered = watch.mark;
  await other.client.sendMessage({ chatId, parts: says("And?") });
  await watch.status(ChatStatus.ERROR, answered);

  for (const { metricsUrl } of [worker, other]) record("metrics", (await Scrape.of(metricsUrl)).text);
  for (const args of [["doctor"], ["doctor", "--json"], ["replicas"], ["replicas", "--json"]]) {
    const { stdout, stderr } = await runPalaver(args, {
      env: { ...worker.env, PALAVER_LISTEN: "127.0.0.1:1" },
    });
    record("command", stdout + stderr);
  }
  await other.stop();
  await worker.stop();
  await listener.drain();

  record("relay", link.said());
  for (const { where, said } of seen) {
    expect(said, where).not.toContain(canary);
    // There replicas present it to each other.
    if (where !== "relay") expect(said, where).not.toContain(ours);
  }

  // The test saw what it says it saw.
  const shown = (where: string, said: string): boolean =>
    seen.some((one) => one.where === where && one.said.includes(said));
  expect(shown("relay", "I searched.")).toBe(true);
  expect(shown("bus", chatId)).toBe(true);
  expect(shown("metrics", "palaver_calls_total{")).toBe(true);
  expect(shown("command", "all 2 replicas answer")).toBe(true);
  expect(shown("command", link.url)).toBe(true);
  expect(shown("log", worker.id)).toBe(true);
  expect(shown("log", other.id)).toBe(true);
  expect((await script.requests()).length).toBe(2);
});

/** Passes connections on to a port of this machine, and keeps what goes over them, in either direction. */
async function startTap(port: number): Promise<{ url: string; said: () => string } & AsyncDisposable> {
  const chunks: Buffer[] = [];
  const server = createServer((socket) => {
    const onward = connectTcp({ port, host: "127.0.0.1" });
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      from.on("data", (chunk: Buffer) => chunks.push(chunk));
      from.on("error", () => to.destroy());
      from.pipe(to);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    said: () => Buffer.concat(chunks).toString("latin1"),
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}
