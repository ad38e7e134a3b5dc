import { Code, ConnectError } from "@connectrpc/connect";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { Role } from "../gen/palaver/chat/v1/message_pb.js";
import { ManualClock } from "../platform/index.js";
import { chatLife, delta, inResponses, message, signal, status, text } from "./chat-life.fixture.js";
import { type ChatView, createChatView, reduceChat } from "./chat-view.js";
import {
  type Answer,
  hastyClock,
  noJitter,
  refusal,
  subscribable,
  untilLeft,
} from "./scripted-server.fixture.js";
import { type ChatItem, subscribe, type SubscribeOptions } from "./subscribe.js";

const chatId = "00000000-0000-4000-8000-000000000001";

/** Answers with these responses, then stays. */
function staying(...responses: { events: StreamEvent[]; cursor: string }[]): Answer {
  return async function* (_request, context) {
    yield* responses;
    await untilLeft(context);
  };
}

/** Answers with these responses, then fails; without a failure, just ends. */
function cutting(
  failure: ConnectError | undefined,
  ...responses: { events: StreamEvent[]; cursor: string }[]
): Answer {
  return async function* () {
    yield* responses;
    if (failure !== undefined) throw failure;
  };
}

const unavailable = new ConnectError("gone", Code.Unavailable);
const hello = { events: [status("WAITING"), signal("caughtUp")], cursor: "c1" };
const more = { events: [status("RUNNING")], cursor: "c2" };

/** Items as short words, up to and including the one that `last` names. */
async function read(items: AsyncIterable<ChatItem>, last: string): Promise<string[]> {
  const words: string[] = [];
  for await (const item of items) {
    words.push(wordFor(item));
    if (words.at(-1) === last) return words;
  }
  return [...words, "over"];
}

function wordFor(item: ChatItem): string {
  switch (item.type) {
    case "connection":
      return item.connection.state;
    case "events":
      return `events ${item.cursor}`;
    case "reset":
      return `reset ${item.reason} ${item.cursor}`;
    default:
      return item satisfies never;
  }
}

function options(
  more: Partial<SubscribeOptions> = {},
): SubscribeOptions & { clock: ReturnType<typeof hastyClock> } {
  return { chatId, random: noJitter, ...more, clock: hastyClock() };
}

describe("a subscription that is cut", () => {
  it("goes on at the last cursor, and says how the connection is", async () => {
    const client = subscribable(cutting(unavailable, hello), staying(more));
    expect(await read(subscribe(client, options({ afterMessageId: 7n })), "events c2")).toEqual([
      "connecting",
      "open",
      "events c1",
      "waiting",
      "connecting",
      "open",
      "events c2",
    ]);
    expect(client.requests.map(({ cursor, afterMessageId }) => [cursor, afterMessageId])).toEqual([
      ["", 7n],
      ["c1", 0n],
    ]);
  });

  it("begins anew, and says so, where the server gives no cursors", async () => {
    const client = subscribable(
      cutting(unavailable, { ...hello, cursor: "" }),
      staying({ ...more, cursor: "" }),
    );
    const words = await read(subscribe(client, options({ afterMessageId: 7n })), "reset no_cursor ");
    expect(words).toEqual([
      "connecting",
      "open",
      "events ",
      "waiting",
      "connecting",
      "open",
      "reset no_cursor ",
    ]);
    expect(client.requests.map(({ afterMessageId }) => afterMessageId)).toEqual([7n, 7n]);
  });

  it("begins anew at once, and says so, where the server does not know the cursor", async () => {
    const rejected = refusal(Code.InvalidArgument, "INVALID_CURSOR");
    const client = subscribable(cutting(unavailable, hello), cutting(rejected), staying(more));
    const given = options();
    expect(await read(subscribe(client, given), "reset invalid_cursor c2")).toEqual([
      "connecting",
      "open",
      "events c1",
      "waiting",
      "connecting",
      "connecting",
      "open",
      "reset invalid_cursor c2",
    ]);
    expect(given.clock.waits).toEqual([500]);
    expect(client.requests.map(({ cursor }) => cursor)).toEqual(["", "c1", ""]);
  });

  it("begins anew where the first cursor, of an earlier life, is not known", async () => {
    const client = subscribable(cutting(refusal(Code.InvalidArgument, "INVALID_CURSOR")), staying(hello));
    expect(await read(subscribe(client, options({ cursor: "old" })), "reset invalid_cursor c1")).toEqual([
      "connecting",
      "connecting",
      "open",
      "reset invalid_cursor c1",
    ]);
  });

  it.each([
    ["the server goes away", refusal(Code.Unavailable, "SHUTTING_DOWN")],
    ["the reader was too slow", refusal(Code.ResourceExhausted, "SLOW_CONSUMER")],
    ["the network fails", new ConnectError("reset", Code.Aborted)],
    ["the server dies", new ConnectError("stream closed", Code.Canceled)],
    ["the server has a fault", refusal(Code.Internal, "INTERNAL")],
    ["a deadline of somebody in between passes", new ConnectError("late", Code.DeadlineExceeded)],
    ["the stream just ends", undefined],
  ])("goes on when %s", async (_, failure) => {
    const client = subscribable(cutting(failure, hello), staying(more));
    expect(await read(subscribe(client, options()), "events c2")).toContain("waiting");
  });

  it("is tried again after 500 ms, doubling to 15 s, and from the start after progress", async () => {
    const fail = cutting(unavailable);
    const client = subscribable(
      ...Array.from({ length: 7 }, () => fail),
      cutting(unavailable, hello),
      fail,
      staying(more),
    );
    const given = options();
    await read(subscribe(client, given), "events c2");
    expect(given.clock.waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 500, 1_000]);
  });

  it("shortens waits by chance to no less than half", async () => {
    const given = options({ random: { ...noJitter, fraction: () => 0.999 } });
    await read(subscribe(subscribable(cutting(unavailable), staying(hello)), given), "events c1");
    expect(given.clock.waits[0]).toBeCloseTo(250, 0);
  });

  it("comes back at once to a server that was shut down, and then as after other failures", async () => {
    const down = refusal(Code.Unavailable, "SHUTTING_DOWN");
    const given = options({ random: { ...noJitter, fraction: () => 0.5 } });
    await read(
      subscribe(subscribable(cutting(down, hello), cutting(down), staying(more)), given),
      "events c2",
    );
    expect(given.clock.waits).toEqual([125, 750]);
  });

  it("may give up after so many failures in a row", async () => {
    const client = subscribable(cutting(unavailable, hello), cutting(unavailable));
    const items = subscribe(client, options({ maxFailures: 2 }));
    const words: string[] = [];
    await expect(async () => {
      for await (const item of items) words.push(wordFor(item));
    }).rejects.toThrow("gone");
    expect(words.slice(3)).toEqual(["waiting", "connecting", "waiting", "connecting", "ended"]);
  });
});

it.each([
  ["unknown chat", refusal(Code.NotFound, "CHAT_NOT_FOUND")],
  ["no credential", refusal(Code.Unauthenticated, "CREDENTIAL_REVOKED")],
  ["not allowed", refusal(Code.PermissionDenied, "ORIGIN_NOT_ALLOWED")],
  ["not understood", refusal(Code.InvalidArgument, "INVALID_REQUEST")],
  ["no cursor was sent that could be rejected", refusal(Code.InvalidArgument, "INVALID_CURSOR")],
  ["not implemented", new ConnectError("404", Code.Unimplemented)],
  ["too large to ever arrive", refusal(Code.ResourceExhausted, "RESPONSE_TOO_LARGE")],
])("a subscription that the server ends for good is over: %s", async (_, failure) => {
  const items = subscribe(subscribable(cutting(failure)), options());
  const words: string[] = [];
  await expect(async () => {
    for await (const item of items) words.push(wordFor(item));
  }).rejects.toMatchObject({ code: failure.code });
  expect(words).toEqual(["connecting", "ended"]);
});

describe("a server that says nothing", () => {
  it("counts as gone after two and a half keepalives; its call is cancelled", async () => {
    const clock = new ManualClock();
    let left = false;
    const client = subscribable(async function* (_request, context) {
      yield hello;
      await untilLeft(context);
      left = true;
    });
    const items = subscribe(client, { chatId, random: noJitter, clock });
    await read(takeOnly(items, 3), "events c1");
    const next = items.next();
    await settled();
    clock.advance(37_499);
    await settled();
    expect(left).toBe(false);
    clock.advance(1);
    expect((await next).value).toMatchObject({
      connection: {
        state: "waiting",
        error: { code: Code.Unavailable, rawMessage: "nothing was heard for 37500 ms" },
      },
    });
    expect(left).toBe(true);
    await items.return();
    expect(clock.pending).toBe(0);
  });

  it("is not to blame while the reader takes its time", async () => {
    const clock = new ManualClock();
    const items = subscribe(subscribable(staying(hello, more)), { chatId, random: noJitter, clock });
    await read(takeOnly(items, 3), "events c1");
    clock.advance(120_000);
    await settled();
    expect(wordFor((await items.next()).value as ChatItem)).toBe("events c2");
    await items.return();
  });
});

describe("leaving", () => {
  it("the loop cancels the call", async () => {
    let left: Promise<void> | undefined;
    const client = subscribable(async function* (_request, context) {
      left = untilLeft(context);
      yield hello;
      await left;
    });
    await read(subscribe(client, options()), "events c1");
    await left;
    expect(client.requests).toHaveLength(1);
  });

  it.each(["connecting", "open", "events c1"])(
    "by the signal while it is at “%s” ends the loop without an error",
    async (when) => {
      const leave = new AbortController();
      const words: string[] = [];
      for await (const item of subscribe(
        subscribable(staying(hello, more)),
        options({ signal: leave.signal }),
      )) {
        words.push(wordFor(item));
        if (words.at(-1) === when) leave.abort();
      }
      expect(words.at(-1)).toBe(when);
    },
  );

  it("by the signal amid a wait ends the loop at once", async () => {
    const leave = new AbortController();
    const clock = new ManualClock();
    const items = subscribe(subscribable(cutting(unavailable)), {
      chatId,
      random: noJitter,
      clock,
      signal: leave.signal,
    });
    await read(takeOnly(items, 2), "waiting");
    const next = items.next();
    leave.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(clock.pending).toBe(0);
  });
});

describe("what does not fit together", () => {
  const first = { events: [status("RUNNING"), delta(text("a"), { seq: 1 })], cursor: "c1" };
  const gap = { events: [delta(text("c"), { seq: 3 })], cursor: "c3" };

  it("is not delivered: the subscription begins anew", async () => {
    const client = subscribable(staying(first, gap), staying({ ...first, cursor: "c9" }));
    expect(await read(subscribe(client, options()), "reset out_of_sync c9")).toEqual([
      "connecting",
      "open",
      "events c1",
      "waiting",
      "connecting",
      "open",
      "reset out_of_sync c9",
    ]);
    expect(client.requests.map(({ cursor }) => cursor)).toEqual(["", ""]);
  });

  it("again and again is asked for ever less often", async () => {
    const broken = staying(first, gap);
    const client = subscribable(broken, broken, broken, broken, staying(hello, more));
    const given = options();
    await read(subscribe(client, given), "events c2");
    expect(given.clock.waits).toEqual([500, 1_000, 2_000, 4_000]);
  });

  it("is noticed across a cut too", async () => {
    const client = subscribable(
      cutting(unavailable, first),
      staying(gap),
      staying({ ...first, cursor: "c9" }),
    );
    expect(await read(subscribe(client, options()), "reset out_of_sync c9")).not.toContain("events c3");
  });

  it("cannot be known of the first delta after a cursor of an earlier life", async () => {
    const client = subscribable(
      staying(gap, { events: [delta(text("e"), { seq: 5 })], cursor: "c5" }),
      staying(hello),
    );
    const words = await read(subscribe(client, options({ cursor: "c2" })), "reset out_of_sync c1");
    expect(words).toContain("events c3");
    expect(words).not.toContain("events c5");
  });
});

it("wherever a transcript is cut, however often, the view in the end is that of the whole", async () => {
  const cuts = fc.array(fc.nat({ max: 1_000 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(
      chatLife,
      cuts,
      fc.array(fc.nat({ max: 5 }), { maxLength: 10 }),
      async (life, where, lengths) => {
        const responses = inResponses(life, where);
        let calls = 0;
        const client = subscribable(async function* ({ cursor }) {
          const rest = responses.filter((response) => Number(response.cursor) > Number(cursor));
          const length = lengths[calls] ?? Infinity;
          calls += 1;
          yield* rest.slice(0, length).map((response) => ({ ...response, events: [...response.events] }));
          throw length < rest.length ? unavailable : refusal(Code.NotFound, "CHAT_NOT_FOUND");
        });
        const whole = reduceChat(createChatView(), {
          type: "events",
          events: life,
          cursor: String(life.length),
        });
        let view: ChatView = createChatView();
        await expect(async () => {
          for await (const item of subscribe(client, options())) view = reduceChat(view, item);
        }).rejects.toThrow("CHAT_NOT_FOUND");
        expect({ ...view, connection: undefined, caughtUp: undefined }).toEqual({
          ...whole,
          connection: undefined,
          caughtUp: undefined,
        });
      },
    ),
  );
});

it("messages that the server tells again after a reset are the same objects", async () => {
  const history = {
    events: [status("WAITING"), message(1, Role.USER, [text("a")]), signal("caughtUp")],
    cursor: "",
  };
  const client = subscribable(cutting(unavailable, history), staying(history));
  const views: ChatView[] = [createChatView()];
  for await (const item of subscribe(client, options())) {
    views.push(reduceChat(views.at(-1) as ChatView, item));
    if (item.type === "reset") break;
  }
  const told = views.flatMap(({ messages }) => messages);
  expect(told.length).toBeGreaterThan(1);
  expect(new Set(told).size).toBe(1);
});

/** The next items of a subscription that is not left with them. */
async function* takeOnly(items: AsyncGenerator<ChatItem>, count: number): AsyncGenerator<ChatItem> {
  for (let index = 0; index < count; index += 1) {
    const { value, done } = await items.next();
    if (done === true) return;
    yield value;
  }
}

/** Lets everything that can go on without time go on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
}
