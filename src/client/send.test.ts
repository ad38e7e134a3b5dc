import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import type { SendMessageRequest } from "../gen/palaver/chat/v1/chat_service_pb.js";
import { type ClientClock, systemClock } from "./runtime.js";
import { clientOf, hastyClock, noJitter, refusal } from "./scripted-server.fixture.js";
import { createChat, editMessage, sendMessage, textPart } from "./send.js";

const chatId = "00000000-0000-4000-8000-000000000001";
const request = { chatId, parts: [textPart("hello")] };

/** A server that fails so, attempt by attempt, and then answers. */
function failing(...failures: readonly ConnectError[]) {
  const requests: SendMessageRequest[] = [];
  const client = clientOf({
    sendMessage: (sent) => {
      const failure = failures[requests.length];
      requests.push(sent);
      if (failure !== undefined) throw failure;
      return { outcome: { case: "message", value: { id: 1n } } };
    },
  });
  return { client, requests };
}

describe("a message", () => {
  it("that gets no answer is sent again with the same key until there is one", async () => {
    const { client, requests } = failing(
      new ConnectError("gone", Code.Unavailable),
      refusal(Code.Unavailable, "SHUTTING_DOWN"),
      new ConnectError("late", Code.DeadlineExceeded),
      new ConnectError("reset", Code.Aborted),
    );
    const clock = hastyClock();
    const { outcome } = await sendMessage(client, request, { clock, random: noJitter });
    expect(outcome.value?.id).toBe(1n);
    expect(clock.waits).toEqual([500, 1_000, 2_000, 4_000]);
    expect(requests).toHaveLength(5);
    expect(new Set(requests.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
  });

  it("has a key of its own with each send, or the caller's", async () => {
    const { client, requests } = failing();
    await sendMessage(client, request);
    await sendMessage(client, request);
    await sendMessage(client, { ...request, idempotencyKey: "mine" });
    const [first, second, third] = requests.map(({ idempotencyKey }) => idempotencyKey);
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(second).not.toBe(first);
    expect(third).toBe("mine");
  });

  it.each([
    refusal(Code.FailedPrecondition, "CHAT_BUSY"),
    refusal(Code.ResourceExhausted, "QUEUE_FULL"),
    refusal(Code.Internal, "INTERNAL"),
    new ConnectError("who are you", Code.Unauthenticated),
  ])("that is refused is not sent again: $rawMessage", async (refused) => {
    const { client, requests } = failing(refused);
    await expect(sendMessage(client, request, { clock: hastyClock() })).rejects.toMatchObject({
      code: refused.code,
    });
    expect(requests).toHaveLength(1);
  });

  it("is given up after as many attempts as wanted, with the last failure", async () => {
    const { client, requests } = failing(
      ...Array.from({ length: 9 }, () => new ConnectError("gone", Code.Unavailable)),
    );
    await expect(sendMessage(client, request, { clock: hastyClock(), maxAttempts: 3 })).rejects.toThrow(
      "gone",
    );
    expect(requests).toHaveLength(3);
  });

  it("is given up by the signal", async () => {
    const leave = new AbortController();
    const client = clientOf({
      sendMessage: () => {
        leave.abort();
        throw new ConnectError("gone", Code.Unavailable);
      },
    });
    await expect(sendMessage(client, request, { signal: leave.signal })).rejects.toMatchObject({
      name: "ConnectError",
    });
  });
});

it("a message that is given up between two attempts fails like one that is given up amid one", async () => {
  const gone = new ConnectError("gone", Code.Unavailable);
  const { client, requests } = failing(gone);
  const leave = new AbortController();
  const clock: ClientClock = {
    monotonicMs: () => 0,
    sleep: (ms, options) => {
      leave.abort("no error");
      return systemClock.sleep(ms, options);
    },
  };
  await expect(sendMessage(client, request, { clock, signal: leave.signal })).rejects.toMatchObject({
    name: "ConnectError",
    code: Code.Canceled,
  });
  expect(requests).toHaveLength(1);
});

it("chats are created and messages edited under a key too", async () => {
  const keys: string[] = [];
  const client = clientOf({
    createChat: ({ idempotencyKey }) => {
      keys.push(idempotencyKey);
      if (keys.length === 1) throw new ConnectError("gone", Code.Unavailable);
      return {};
    },
    editMessage: ({ idempotencyKey }) => {
      keys.push(idempotencyKey);
      return {};
    },
  });
  await createChat(client, { parts: [textPart("hello")] }, { clock: hastyClock() });
  await editMessage(client, { chatId, messageId: 1n, parts: [textPart("hi")] });
  expect(keys[0]).toBe(keys[1]);
  expect(new Set(keys).size).toBe(2);
  expect(keys).not.toContain("");
});
