import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { Role } from "../gen/palaver/chat/v1/message_pb.js";
import {
  chatLife,
  delta,
  event,
  inResponses,
  merged,
  message,
  queue,
  retry,
  signal,
  status,
  text,
} from "./chat-life.fixture.js";
import { type ChatView, createChatView, reduceChat } from "./chat-view.js";
import { OutOfSyncError } from "./position.js";

function fed(events: readonly StreamEvent[], view = createChatView()): ChatView {
  return reduceChat(view, { type: "events", events, cursor: "" });
}

/** The view after each event. */
function steps(events: readonly StreamEvent[]): ChatView[] {
  let view = createChatView();
  return events.map((one) => (view = fed([one], view)));
}

it("a message of the same id and revision that was written at another time is another one: the database was restored from a backup", () => {
  const written = (words: string, seconds: number): StreamEvent => {
    const told = message(1, Role.USER, [text(words)]);
    if (told.event.case === "message" && told.event.value.message !== undefined)
      told.event.value.message.createTime = timestampFromMs(seconds * 1_000);
    return told;
  };
  const view = fed([written("before", 1)]);
  const same = fed([signal("historyReset"), written("before", 1)], view);
  expect(same.messages[0]).toBe(view.messages[0]);
  const restored = fed([signal("historyReset"), written("after", 2)], view);
  expect(restored.messages[0]?.parts[0]?.kind.value).toMatchObject({ text: "after" });
});

describe("a view", () => {
  it("holds what was told: status, messages, queue", () => {
    const view = fed([
      status("WAITING"),
      message(1, Role.USER, [text("hello")]),
      message(2, Role.ASSISTANT, [text("Hi.")]),
      queue(1, 2),
      signal("caughtUp"),
    ]);
    expect(view.status).toBe(ChatStatus.WAITING);
    expect(view.messages.map(({ id }) => id)).toEqual([1n, 2n]);
    expect(view.queue.map(({ id }) => id)).toEqual([1n, 2n]);
    expect(view.caughtUp).toBe(true);
  });

  it("joins deltas by block, in the order in which blocks began", () => {
    const { step } = fed([
      delta(text("b"), { seq: 1, block: 1 }),
      delta(text("x"), { seq: 2, block: 2 }),
      delta(text("c"), { seq: [3, 4], block: 1 }),
    ]);
    expect(step?.parts.map(({ kind }) => kind.case === "text" && kind.value.text)).toEqual(["bc", "x"]);
  });

  it("joins the arguments of a call, and takes the complete ones in their place", () => {
    const call = (value: object) => ({
      kind: { case: "toolCall" as const, value: { toolCallId: "a", toolName: "find", ...value } },
    });
    const streaming = fed([
      delta(call({ argsDelta: '{"q"' }), { seq: 1 }),
      delta(call({ argsDelta: ":1}" }), { seq: 2 }),
    ]);
    expect(streaming.step?.parts[0]?.kind.value).toMatchObject({ argsDelta: '{"q":1}' });
    expect(streaming.step?.parts[0]?.kind.value).not.toHaveProperty("argsJson");
    const complete = fed([delta(call({ argsJson: '{"q":1}' }), { seq: 3 })], streaming);
    expect(complete.step?.parts[0]?.kind.value).toMatchObject({ argsJson: '{"q":1}', argsDelta: "" });
  });

  it("shows the result of a tool that the provider ran right after its call", () => {
    const call = {
      kind: {
        case: "toolCall" as const,
        value: { toolCallId: "a", toolName: "find", argsJson: "{}", providerExecuted: true },
      },
    };
    const result = {
      kind: {
        case: "toolResult" as const,
        value: { toolCallId: "a", toolName: "find", resultJson: "[]", providerExecuted: true },
      },
    };
    const { step } = fed([
      delta(call, { seq: 1, block: 1 }),
      delta(text("meanwhile"), { seq: 2, block: 2 }),
      delta(result, { seq: 3, block: 3 }),
    ]);
    expect(step?.parts.map(({ kind }) => kind.case)).toEqual(["toolCall", "toolResult", "text"]);
  });

  it("keeps results of our own tools in the order of their blocks", () => {
    const result = (id: string) => ({
      kind: { case: "toolResult" as const, value: { toolCallId: id, toolName: "find", resultJson: "1" } },
    });
    const { step } = fed([
      delta(result("b"), { seq: 1, block: 2, role: Role.TOOL }),
      delta(result("a"), { seq: 2, block: 1, role: Role.TOOL }),
    ]);
    expect(step?.role).toBe(Role.TOOL);
    expect(step?.parts.map(({ kind }) => kind.case === "toolResult" && kind.value.toolCallId)).toEqual([
      "a",
      "b",
    ]);
  });

  it("gives up the running step when it is committed, taken back or tried again", () => {
    const running = [delta(text("a"), { episode: [3, 1], seq: 1 })];
    expect(fed([...running, message(2, Role.ASSISTANT, [text("a")], 4)]).step).toBeUndefined();
    expect(fed([...running, signal("previewReset")]).step).toBeUndefined();
    expect(fed([...running, signal("historyReset")]).step).toBeUndefined();
    const again = fed([...running, delta(text("b"), { episode: [3, 2], seq: 1 })]).step;
    expect(again?.episode.generationAttempt).toBe(2);
    expect(again?.parts).toHaveLength(1);
  });

  it("keeps the running step when an older message is told", () => {
    const { step } = fed([
      delta(text("a"), { episode: [3, 1], seq: 1 }),
      message(1, Role.USER, [text("hello")], 3),
    ]);
    expect(step?.parts).toHaveLength(1);
  });

  it("takes the same revision of a message once, and a newer one in its place", () => {
    const first = fed([message(1, Role.USER, [text("old")], 1)]);
    expect(fed([message(1, Role.USER, [text("other")], 1)], first)).toBe(first);
    const revised = fed([message(1, Role.USER, [text("new")], 2)], first);
    expect(revised.messages).toMatchObject([{ parts: [{ kind: { value: { text: "new" } } }] }]);
    expect(fed([message(1, Role.USER, [text("old")], 1)], revised)).toBe(revised);
  });

  it.each([
    ["a delta", delta(text("a"), { episode: [1, 2], seq: 1 })],
    ["a preview reset", signal("previewReset")],
    ["a status", status("RUNNING")],
  ])("shows a retry until %s", (_, end) => {
    const waiting = fed([retry(1)]);
    expect(waiting.retry?.attempt).toBe(1);
    expect(fed([end], waiting).retry).toBeUndefined();
  });

  it("shows an error and pending calls while the status is theirs", () => {
    const error = event({ case: "error", value: { error: { message: "no" } } });
    const failed = fed([error, status("ERROR")]);
    expect(failed.error?.message).toBe("no");
    expect(fed([status("RUNNING")], failed).error).toBeUndefined();
    const action = event({
      case: "actionRequired",
      value: { actionRequired: { calls: [{ toolCallId: "a" }] } },
    });
    const asked = fed([action, status("REQUIRES_ACTION")]);
    expect(asked.actionRequired?.calls).toHaveLength(1);
    expect(fed([status("WAITING")], asked).actionRequired).toBeUndefined();
  });

  it("is the same object when nothing has changed", () => {
    const view = fed([status("WAITING"), queue(1), signal("caughtUp")]);
    expect(fed([signal("keepalive"), queue(1), event({ case: undefined })], view)).toBe(view);
  });

  it("begins anew after a reset, and keeps what comes again", () => {
    const before = fed([
      status("WAITING"),
      message(1, Role.USER, [text("a")]),
      message(2, Role.USER, [text("b")]),
      queue(1),
    ]);
    const after = reduceChat(before, {
      type: "reset",
      reason: "invalid_cursor",
      events: [status("RUNNING"), message(2, Role.USER, [text("b")])],
      cursor: "new",
    });
    expect(after).toMatchObject({ status: ChatStatus.RUNNING, queue: [], cursor: "new", caughtUp: false });
    expect(after.messages).toHaveLength(1);
    expect(after.messages[0]).toBe(before.messages[1]);
  });

  it("is not caught up while the connection is cut", () => {
    const view = reduceChat(fed([signal("caughtUp")]), {
      type: "connection",
      connection: { state: "connecting" },
    });
    expect(view.caughtUp).toBe(false);
  });
});

describe("deltas that do not fit together are refused", () => {
  const begun = fed([delta(text("a"), { episode: [3, 2], seq: 1 })]);
  it.each([
    ["a gap", delta(text("c"), { episode: [3, 2], seq: 3 })],
    ["a repeat", delta(text("a"), { episode: [3, 2], seq: 1 })],
    ["an overlap", delta(text("ab"), { episode: [3, 2], seq: [1, 2] })],
    ["numbers that go back", delta(text("b"), { episode: [3, 2], seq: [2, 1] })],
    ["an episode that begins in its middle", delta(text("b"), { episode: [3, 3], seq: 2 })],
    ["an older attempt", delta(text("b"), { episode: [3, 1], seq: 1 })],
    ["an older step", delta(text("b"), { episode: [2, 9], seq: 1 })],
  ])("%s", (_, wrong) => {
    expect(() => fed([wrong], begun)).toThrow(OutOfSyncError);
  });

  it("a delta of a step that is in the history", () => {
    const committed = fed([message(1, Role.ASSISTANT, [text("a")], 4)], begun);
    expect(() => fed([delta(text("b"), { episode: [3, 2], seq: 2 })], committed)).toThrow(OutOfSyncError);
  });

  it("but after a preview reset the episode may come again", () => {
    const again = fed([signal("previewReset"), delta(text("ab"), { episode: [3, 2], seq: [1, 2] })], begun);
    expect(again.step?.parts).toMatchObject([{ kind: { value: { text: "ab" } } }]);
  });
});

describe("whatever the life of a chat", () => {
  const splits = fc.array(fc.nat({ max: 1_000 }), { maxLength: 20 });
  const merges = fc.array(fc.boolean(), { minLength: 80, maxLength: 80 });

  it("merging of deltas and grouping into responses make no difference", () => {
    fc.assert(
      fc.property(chatLife, merges, splits, (life, where, cuts) => {
        const whole = fed(life);
        let view = createChatView();
        for (const { events } of inResponses(merged(life, where), cuts)) view = fed(events, view);
        expect(view).toEqual(whole);
      }),
    );
  });

  it("what an event does not touch keeps its identity", () => {
    fc.assert(
      fc.property(chatLife, (life) => {
        const views = steps(life);
        for (const [index, before] of views.slice(0, -1).entries()) {
          const view = views[index + 1] as ChatView;
          const { event: one } = life[index + 1] as StreamEvent;
          for (const known of before.messages) {
            const now = view.messages.find(({ id }) => id === known.id);
            if (now?.revision === known.revision && one.case !== "historyReset") expect(now).toBe(known);
          }
          if (one.case !== "message" && one.case !== "historyReset")
            expect(view.messages).toBe(before.messages);
          if (one.case === "messagePart" && before.step !== undefined && view.step !== undefined)
            for (const { number, part } of before.step.blocks)
              if (
                number !== one.value.block &&
                view.position?.episode.generationAttempt === before.position?.episode.generationAttempt
              )
                expect(view.step.parts).toContain(part);
        }
      }),
    );
  });

  it("an event that is left out or told twice is noticed, if it is a delta that others follow", () => {
    fc.assert(
      fc.property(chatLife, fc.nat(), (life, pick) => {
        const followed = life.flatMap((one, index) =>
          one.event.case === "messagePart" && life[index + 1]?.event.case === "messagePart" ? [index] : [],
        );
        const index = followed[pick % Math.max(1, followed.length)];
        fc.pre(index !== undefined);
        expect(() => fed(life.toSpliced(index, 1))).toThrow(OutOfSyncError);
        expect(() => fed(life.toSpliced(index, 0, life[index] as StreamEvent))).toThrow(OutOfSyncError);
      }),
    );
  });
});

it("a long history is read in a time that grows with its length, not with its square", () => {
  const events = Array.from({ length: 50_000 }, (_, index) => message(index + 1, Role.USER, [text("x")]));
  const view = fed(events);
  expect(view.messages).toHaveLength(50_000);
  expect(fed(events, view)).toBe(view);
});
