import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { runTurn, TurnControl } from "../../src/agent/index.js";
import { Chats } from "../../src/chat/index.js";
import { ModelError, type ModelRegistry } from "../../src/models/index.js";
import { systemClock } from "../../src/platform/index.js";
import { readHistory, writeHeartbeat } from "../../src/store/index.js";
import { openTestDatabase } from "../kit/databases.js";
import { turnDeps } from "../kit/turn-deps.js";

it.each([true, false])(
  "an interrupt of which the worker hears only when the model call has failed keeps what was shown (INT-2), retryable: %s",
  async (retryable) => {
    await using opened = await openTestDatabase("postgres");
    const { database } = opened;
    const chats = new Chats({ database, leaseMs: 60_000, publish: () => undefined });
    const workerId = randomUUID();
    const load = { capacity: 1, turns: 0, clockAt: systemClock.now() };
    await writeHeartbeat(database, { id: workerId, advertisedUrl: "", version: "test", ...load });
    const chatId = randomUUID();
    const id = "test/failing";
    const first = { parts: [{ type: "text" as const, text: "go" }], author: "alice", model: id };
    await chats.create(
      () => ({ id: chatId, owner: "alice", title: "t", labels: {}, model: id, system: [], first }),
      () => undefined,
    );
    const models: ModelRegistry = {
      defaultModelId: id,
      resolve: () => ({
        provider: "test",
        id,
        async *stream() {
          yield { type: "text", block: "0", delta: "Once upon" };
          await chats.request({ chatId, owner: "alice" }, { type: "Interrupt" }, () => undefined);
          throw new ModelError("It broke off.", { kind: "overloaded", provider: "test", retryable });
        },
      }),
      whyNot: () => "",
      available: () => [id],
    };
    const [lease] = await chats.acquire(workerId, 1, []);
    if (lease?.state === undefined) throw new Error("the chat was acquired");
    const end = await runTurn(
      { ...turnDeps(database), chats, models },
      { chatId, fence: { workerId, leaseEpoch: lease.state.leaseEpoch }, state: lease.state, begun: false },
      new TurnControl(),
    );
    expect(end).toBe("idle");
    expect((await chats.readState(chatId))?.phase).toEqual({ status: "waiting" });
    const history = await readHistory(database, chatId);
    expect(
      history.map(({ role, parts, interrupted, model }) => ({ role, parts, interrupted, model })),
    ).toEqual([
      { role: "user", parts: first.parts, interrupted: false, model: id },
      { role: "assistant", parts: [{ type: "text", text: "Once upon" }], interrupted: true, model: id },
    ]);
  },
);
