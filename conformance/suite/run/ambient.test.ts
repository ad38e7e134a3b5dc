import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService, SubscribeResponseSchema } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../cases/define-case.js";
import { manifest } from "../manifest/manifest.fixture.js";
import type { CellResult } from "./cell-result.js";
import type { CaseContext } from "../cases/case-context.js";
import { runCell } from "./run-cell.js";
import type { Target } from "./target.js";

const chatId = "00000000-0000-4000-8000-000000000001";

/** A target that catches up twice, and fails calls without a reason, with whatever title it was given. */
let server: Http2Server;
const sessions = new Set<ServerHttp2Session>();
let target: Target;
beforeAll(async () => {
  const handler = connectNodeAdapter({
    routes: ({ service }) =>
      service(ChatService, {
        async *subscribe() {
          yield create(SubscribeResponseSchema, {
            events: [
              { event: { case: "status", value: { status: ChatStatus.WAITING } } },
              { event: { case: "caughtUp", value: {} } },
              { event: { case: "caughtUp", value: {} } },
            ],
            cursor: "c",
          });
          await new Promise(() => undefined);
        },
        createChat: ({ title }) => {
          throw new ConnectError(title, Code.NotFound);
        },
      }),
  });
  server = createServer(handler);
  server.on("session", (session) => sessions.add(session));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  target = {
    replicas: [{ name: "r1", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }],
    tokenOf: () => undefined,
    observe: () => ({ [Symbol.dispose]: () => undefined }),
    restore: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
});
afterAll(() => {
  for (const session of sessions) session.destroy();
  server.close();
});

async function runOf(act: (context: CaseContext<"STREAM-5">) => Promise<unknown>): Promise<CellResult> {
  const each = defineCase({
    id: "group/case",
    title: "finds nothing itself",
    rules: ["STREAM-5"],
    level: "MUST",
    profile: "core",
    needs: [],
    mutant: "M01",
    limitMs: 10_000,
    run: async (context) => {
      await act(context);
      context.check("STREAM-5", "nothing", { expected: 1, observed: 1 });
    },
  });
  const cell = { key: "k", caseId: each.id, wire: "grpc", order: [], repetition: 0, seed: "5eed" } as const;
  return (await runCell(each, cell, target, manifest)).result;
}

const failed = ({ checks }: CellResult) => checks.filter(({ passed }) => !passed);

describe("what a target does on the way", () => {
  it("fails a run whose own checks pass, when a subscription broke a rule", async () => {
    const result = await runOf(({ watch, arrange }) =>
      arrange("a watcher", "response", (signal) => watch(chatId).caughtUp({ signal })),
    );
    expect(result.status).toBe("fail");
    expect(failed(result)).toMatchObject([
      { rule: "STREAM-2", observed: expect.stringContaining("caught_up once more") },
    ]);
    expect(result.timeline.map(({ text }) => text)).toContain(
      "Subscribe: status WAITING; caughtUp; caughtUp",
    );
  });

  it("fails a run when a call failed without a reason", async () => {
    const result = await runOf(({ client }) =>
      client()
        .unary(ChatService.method.createChat, {})
        .catch(() => undefined),
    );
    expect(failed(result)).toMatchObject([
      { rule: "ERR-1", observed: expect.stringContaining("reason none") },
    ]);
  });

  it("fails a run when something secret came out", async () => {
    const result = await runOf(async ({ client, canary }) => {
      const title = canary();
      await client()
        .unary(ChatService.method.createChat, { title })
        .catch(() => undefined);
    });
    expect(failed(result).map(({ rule }) => rule)).toEqual(["ERR-1", "PART-4"]);
  });
});
