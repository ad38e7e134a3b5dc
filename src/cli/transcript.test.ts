import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import pc from "picocolors";
import { describe, expect, test } from "vitest";
import { ChatErrorKind } from "../gen/palaver/chat/v1/error_pb.js";
import { type StreamEvent, StreamEventSchema } from "../gen/palaver/chat/v1/event_pb.js";
import { Role } from "../gen/palaver/chat/v1/message_pb.js";
import { ManualClock } from "../platform/index.js";
import {
  callPart,
  delta,
  message,
  queue,
  reasoningPart,
  resultPart,
  signal,
  status,
  textPart,
} from "./events.fixture.js";
import { Transcript } from "./transcript.js";
import { TranscriptWriter } from "./transcript-writer.js";

function setup({ live = true, canErase = false, afterMessageId = 0n } = {}) {
  const clock = new ManualClock();
  let printed = "";
  const sink = { write: (text: string) => void (printed += text) };
  const writer = new TranscriptWriter({
    answer: sink,
    aside: sink,
    colors: pc.createColors(false),
    clock,
    canErase,
  });
  const transcript = new Transcript({ live, afterMessageId });
  return {
    clock,
    transcript,
    tell: (...events: StreamEvent[]) => {
      for (const event of events) writer.write(transcript.read(event));
    },
    /** What has been printed so far, with the last line ended. */
    printed: () => {
      writer.endLine();
      return printed;
    },
    raw: () => printed,
  };
}

describe("an answer", () => {
  test("is printed as it comes, and not again when it is committed", () => {
    const { tell, printed, transcript } = setup({ afterMessageId: 1n });
    tell(status("RUNNING"), signal("caughtUp"), delta(textPart("Hel")), delta(textPart("lo.")));
    expect(transcript.isSettled).toBe(false);
    tell(message(2, Role.ASSISTANT, [textPart("Hello.")]), status("WAITING"));
    expect(transcript.isSettled).toBe(true);
    expect(printed()).toBe("Hello.\n");
  });

  test("that somebody came to amid it is printed when it is committed, whole and once", () => {
    const { tell, printed } = setup();
    const late = delta(textPart("lo."));
    if (late.event.case === "messagePart") late.event.value.firstSeq = 2n;
    tell(status("RUNNING"), late, delta(textPart(" You")));
    tell(message(2, Role.ASSISTANT, [textPart("Hello. You")]), delta(textPart("Next.")));
    expect(printed()).toBe("Hello. You\nNext.\n");
  });

  test("that begins anew after somebody came to amid it is printed as it comes", () => {
    const { tell, printed } = setup();
    const late = delta(textPart("lo."));
    if (late.event.case === "messagePart") late.event.value.firstSeq = 2n;
    tell(status("RUNNING"), late, signal("previewReset"), delta(textPart("Hello.")));
    expect(printed()).toBe("Hello.\n");
  });

  test("that was committed before anybody looked is printed whole", () => {
    const { tell, printed, transcript } = setup();
    tell(
      status("WAITING"),
      message(1, Role.USER, [textPart("hi")]),
      message(2, Role.ASSISTANT, [textPart("Hello.")]),
    );
    expect(transcript.isSettled).toBe(false); // there may be more
    tell(signal("caughtUp"));
    expect(transcript.isSettled).toBe(true);
    expect(printed()).toBe("› hi\nHello.\n");
  });

  test("whose end was not seen live is completed by its commit", () => {
    const { tell, printed } = setup();
    tell(delta(textPart("Hel")), message(2, Role.ASSISTANT, [textPart("Hello.")]));
    expect(printed()).toBe("Hello.\n");
  });

  test("that was committed otherwise than shown is printed again, and that is said", () => {
    const { tell, printed } = setup();
    tell(delta(textPart("Hi")), message(2, Role.ASSISTANT, [textPart("Hello.")]));
    expect(printed()).toBe("Hi\n— what was committed differs —\nHello.\n");
  });

  test("that is generated anew starts over", () => {
    const { tell, printed } = setup();
    tell(signal("previewReset"), delta(textPart("Hel")), signal("previewReset"), delta(textPart("Hello.")));
    tell(message(2, Role.ASSISTANT, [textPart("Hello.")]));
    expect(printed()).toBe("Hel\n— the answer starts over —\nHello.\n");
  });

  test("starts over after a reconnect amid it", () => {
    const { tell, printed, transcript } = setup();
    tell(delta(textPart("Hel")));
    transcript.restart();
    tell(status("RUNNING"), signal("caughtUp"), delta(textPart("Hello")), delta(textPart(".")));
    tell(message(2, Role.ASSISTANT, [textPart("Hello.")]));
    expect(printed()).toBe("Hel\n— reconnected, the answer starts over —\nHello.\n");
  });

  test("that was committed during an outage is only completed", () => {
    const { tell, printed, transcript } = setup();
    tell(delta(textPart("Hel")));
    transcript.restart();
    tell(status("WAITING"), message(2, Role.ASSISTANT, [textPart("Hello.")]), signal("caughtUp"));
    expect(printed()).toBe("Hello.\n");
  });

  test("that was interrupted says so", () => {
    const { tell, printed } = setup();
    tell(delta(textPart("Hel")), message(2, Role.ASSISTANT, [textPart("Hel")], true));
    expect(printed()).toBe("Hel\n[interrupted]\n");
  });

  test("is printed when committed if nothing may be taken back", () => {
    const { tell, printed } = setup({ live: false });
    tell(delta(textPart("Hel")), signal("previewReset"), delta(textPart("Hello.")));
    expect(printed()).toBe("");
    tell(message(2, Role.ASSISTANT, [textPart("Hello.")]));
    expect(printed()).toBe("Hello.\n");
  });

  test("cannot give orders to the terminal", () => {
    const { tell, printed } = setup();
    tell(delta(textPart("a\u001b]0;x\u0007b")), message(2, Role.ASSISTANT, [textPart("a\u001b]0;x\u0007b")]));
    expect(printed()).toBe("a]0;xb\n");
  });
});

describe("blocks", () => {
  test("reasoning, text and tools stand on lines of their own", () => {
    const { tell, printed } = setup();
    tell(delta(reasoningPart("Hm"), 1), delta(reasoningPart("."), 1), delta(textPart("Let me look."), 2));
    tell(
      delta({ kind: { case: "toolCall", value: { toolCallId: "a", toolName: "now", argsDelta: "{}" } } }, 3),
    );
    tell(delta(callPart("a", "now", "{}"), 3));
    const parts = [reasoningPart("Hm."), textPart("Let me look."), callPart("a", "now", "{}")];
    tell(message(2, Role.ASSISTANT, parts));
    tell(
      delta(resultPart("a", "now", '"noon"'), 1, Role.TOOL),
      message(3, Role.TOOL, [resultPart("a", "now", '"noon"')]),
    );
    tell(delta(textPart("It is noon.")), message(4, Role.ASSISTANT, [textPart("It is noon.")]));
    expect(printed()).toBe('Hm.\nLet me look.\n→ now {}\n← now "noon"\nIt is noon.\n');
  });

  test("that alternate are told apart, and compared with the parts in the order in which they began", () => {
    const { tell, printed } = setup();
    tell(delta(textPart("a"), 1), delta(textPart("x"), 2), delta(textPart("b"), 1));
    tell(message(2, Role.ASSISTANT, [textPart("ab"), textPart("x")]));
    expect(printed()).toBe("a\nx\nb\n");
  });

  test("empty, signed reasoning confuses nothing", () => {
    const { tell, printed } = setup();
    tell(delta(textPart("a"), 2), message(2, Role.ASSISTANT, [reasoningPart(""), textPart("a")]));
    expect(printed()).toBe("a\n");
  });

  test("a call with invalid arguments and a failed tool are shown with the message", () => {
    const { tell, printed } = setup();
    tell(delta(textPart("a")), message(2, Role.ASSISTANT, [textPart("a"), callPart("c", "rm")]));
    tell(message(3, Role.TOOL, [resultPart("c", "rm", '{"error":"no"}', true)]));
    expect(printed()).toBe('a\n→ rm (invalid arguments)\n✗ rm {"error":"no"}\n');
  });
});

describe("what else happens", () => {
  test("own messages, revisions and known messages are left out", () => {
    const { tell, printed, transcript } = setup({ afterMessageId: 4n });
    transcript.leaveOut(5n);
    tell(message(4, Role.USER, [textPart("known")]), message(5, Role.USER, [textPart("own")]));
    tell(message(6, Role.USER, [textPart("theirs")]), message(6, Role.USER, [textPart("theirs")]));
    expect(printed()).toBe("› theirs\n");
    expect(transcript.lastMessageId).toBe(6n);
  });

  test("a growing queue is told", () => {
    const { tell, printed, transcript } = setup();
    tell(queue(), queue("a"), queue("a", "b"), queue("b"));
    expect(printed()).toBe("[1 message waits in the queue]\n[2 messages wait in the queue]\n");
    expect(transcript.queue).toHaveLength(1);
  });

  test("a failed turn says why", () => {
    const { tell, printed, transcript } = setup();
    const error = { message: "Anthropic refused.", kind: ChatErrorKind.AUTH, detail: "invalid x-api-key" };
    tell(
      create(StreamEventSchema, { event: { case: "error", value: { error } } }),
      status("ERROR"),
      signal("caughtUp"),
    );
    expect(printed()).toBe("✗ Anthropic refused. [AUTH]\n  invalid x-api-key\n");
    expect(transcript.isSettled).toBe(true);
  });

  test("a failed turn does not start over, however it is told; the next one begins by itself", () => {
    const { tell, printed } = setup();
    const error = create(StreamEventSchema, {
      event: { case: "error", value: { error: { message: "No." } } },
    });
    tell(status("RUNNING"), signal("caughtUp"), delta(textPart("Hel")), signal("previewReset"));
    tell(error, status("ERROR"), message(2, Role.USER, [textPart("again")]), status("RUNNING"));
    tell(delta(textPart("Hello")), message(3, Role.ASSISTANT, [textPart("Hello.")]));
    expect(printed()).toBe("Hel\n✗ No. [UNSPECIFIED]\n› again\nHello.\n");
  });

  test("how a turn ended is known", () => {
    const ends = (...events: StreamEvent[]) => {
      const { tell, transcript } = setup({ afterMessageId: 1n });
      tell(status("RUNNING"), signal("caughtUp"), ...events);
      return transcript.ending;
    };
    const answer = message(2, Role.ASSISTANT, [textPart("a")]);
    expect(ends(status("WAITING"))).toBe("unanswered");
    expect(ends(answer, status("WAITING"))).toBe("answered");
    expect(ends(answer, message(3, Role.USER, [textPart("q")]), status("WAITING"))).toBe("unanswered");
    expect(ends(message(2, Role.ASSISTANT, [textPart("a")], true), status("WAITING"))).toBe("interrupted");
    expect(ends(status("ERROR"))).toBe("failed");
  });

  test("events that this version does not know are skipped", () => {
    const { tell, printed } = setup();
    tell(create(StreamEventSchema), signal("keepalive"));
    expect(printed()).toBe("");
  });

  test("a chat that waits for a client's tools is not settled", () => {
    const { tell, printed, transcript } = setup();
    const actionRequired = { calls: [{ toolCallId: "a", toolName: "approve" }] };
    tell(create(StreamEventSchema, { event: { case: "actionRequired", value: { actionRequired } } }));
    tell(status("REQUIRES_ACTION"), signal("caughtUp"));
    expect(printed()).toBe("[waiting for a client that runs approve]\n");
    expect(transcript.isSettled).toBe(false);
  });
});

describe("waiting for another attempt", () => {
  const retry = (dueInMs: number, clock: ManualClock): StreamEvent =>
    create(StreamEventSchema, {
      event: {
        case: "retry",
        value: {
          retry: {
            attempt: 1,
            delayMs: 4_000n,
            dueTime: timestampFromDate(new Date(clock.now().getTime() + dueInMs)),
            error: { message: "Overloaded." },
          },
        },
      },
    });

  test("counts down in place, and becomes a line when it goes on", () => {
    const { tell, clock, raw } = setup({ canErase: true });
    tell(retry(2_000, clock));
    clock.advance(1_000);
    clock.advance(1_000);
    tell(delta(textPart("Hello")));
    const shown = raw().split("\r\u001b[2K");
    expect(shown).toEqual([
      "",
      "[attempt 1 failed: Overloaded; next attempt in 2 s]",
      "[attempt 1 failed: Overloaded; next attempt in 1 s]",
      "[attempt 1 failed: Overloaded; next attempt now]",
      "[attempt 1 failed: Overloaded]\nHello",
    ]);
    expect(clock.pending).toBe(0);
  });

  test("is one line where nothing can be erased; a wrong clock does not lengthen it", () => {
    const { tell, clock, printed } = setup();
    tell(retry(3_600_000, clock));
    expect(printed()).toBe("[attempt 1 failed: Overloaded; next attempt in 4 s]\n");
  });
});
