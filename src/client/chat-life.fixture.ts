import { create, type MessageInitShape } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import {
  type MessagePartEvent,
  type StreamEvent,
  StreamEventSchema,
} from "../gen/palaver/chat/v1/event_pb.js";
import {
  type Message,
  MessageSchema,
  type Part,
  PartSchema,
  Role,
} from "../gen/palaver/chat/v1/message_pb.js";

/** Short ways to write stream events, and lives of chats as a server would tell them. */
type EventInit = MessageInitShape<typeof StreamEventSchema>["event"];
export type PartInit = MessageInitShape<typeof PartSchema>;

export function event(init: EventInit): StreamEvent {
  return create(StreamEventSchema, { event: init } as MessageInitShape<typeof StreamEventSchema>);
}

export function text(words: string): PartInit {
  return { kind: { case: "text", value: { text: words } } };
}

export function status(value: keyof typeof ChatStatus): StreamEvent {
  return event({ case: "status", value: { status: ChatStatus[value] } });
}

export function message(id: number, role: Role, parts: readonly PartInit[], revision = id): StreamEvent {
  return event({
    case: "message",
    value: { message: { id: BigInt(id), revision: BigInt(revision), role, parts: [...parts] } },
  });
}

/** A delta; its episode as [history version, attempt], its numbers as [first, last] or one. */
export function delta(
  part: PartInit,
  options: {
    readonly episode?: readonly [number, number];
    readonly seq: number | readonly [number, number];
    readonly block?: number;
    readonly role?: Role;
  },
): StreamEvent {
  const { episode = [1, 1], seq, block = 1, role = Role.ASSISTANT } = options;
  const [first, last] = typeof seq === "number" ? [seq, seq] : seq;
  return event({
    case: "messagePart",
    value: {
      episode: { historyVersion: BigInt(episode[0]), generationAttempt: episode[1] },
      firstSeq: BigInt(first),
      seq: BigInt(last),
      role,
      block,
      part,
    },
  });
}

export function queue(...ids: readonly number[]): StreamEvent {
  return event({
    case: "queueUpdate",
    value: { queue: ids.map((id) => ({ id: BigInt(id), parts: [text(`waits ${id}`)] })) },
  });
}

export function signal(name: "previewReset" | "historyReset" | "caughtUp" | "keepalive"): StreamEvent {
  return event({ case: name, value: {} });
}

export function retry(attempt: number): StreamEvent {
  return event({ case: "retry", value: { retry: { attempt, delayMs: 1_000n } } });
}

/** What may happen to a chat, in turn; what does not fit the moment is passed over. */
type Happening =
  | { readonly type: "say"; readonly words: string }
  | {
      readonly type: "generate";
      readonly block: number;
      readonly fragment: string;
      readonly of: "text" | "reasoning" | "call";
    }
  | { readonly type: "completeCall"; readonly block: number }
  | { readonly type: "providerResult"; readonly block: number }
  | { readonly type: "commit" | "fail" | "handOver" | "edit" | "idle" | "revise" }
  | { readonly type: "queue"; readonly ids: readonly number[] };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant("say" as const), words: fc.string() }) },
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant("generate" as const),
      block: fc.nat({ max: 3 }),
      fragment: fc.string({ minLength: 1, maxLength: 4 }),
      of: fc.constantFrom("text" as const, "reasoning" as const, "call" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("completeCall" as const), block: fc.nat({ max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("providerResult" as const), block: fc.nat({ max: 3 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "commit" as const,
        "commit" as const,
        "fail" as const,
        "handOver" as const,
        "edit" as const,
        "idle" as const,
        "revise" as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("queue" as const),
      ids: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
    }),
  },
);

/** Everything that a subscriber of a chat is told in its life, from an empty history on. */
export const chatLife: fc.Arbitrary<readonly StreamEvent[]> = fc
  .array(happening, { maxLength: 60 })
  .map((happenings) => new ChatLife().live(happenings));

class ChatLife {
  readonly #told: StreamEvent[] = [status("WAITING"), queue(), signal("caughtUp")];
  #status: keyof typeof ChatStatus = "WAITING";
  #version = 1;
  #attempt = 0;
  #seq = 0;
  #lastId = 0;
  #history: Message[] = [];
  /** The running step's parts, by block. */
  #blocks: PartInit[] = [];
  #shown = false;

  live(happenings: readonly Happening[]): readonly StreamEvent[] {
    for (const one of happenings) this.#happen(one);
    return this.#told;
  }

  #happen(one: Happening): void {
    switch (one.type) {
      case "say":
        if (this.#status === "RUNNING") return;
        this.#write(Role.USER, [text(one.words)]);
        return this.#enter("RUNNING");
      case "generate":
        return this.#generate(one.block, fragmentOf(one, one.block));
      case "completeCall":
        if (this.#blocks[one.block]?.kind?.case !== "toolCall") return;
        return this.#generate(one.block, callPart(one.block, { argsJson: "{}" }));
      case "providerResult": {
        if (this.#blocks[one.block]?.kind?.case !== "toolCall") return;
        return this.#generate(this.#blocks.length, resultPart(one.block));
      }
      case "commit":
        if (!this.#shown) return;
        return this.#write(Role.ASSISTANT, [text("committed")]);
      case "fail":
        if (!this.#shown) return;
        this.#told.push(signal("previewReset"), retry(this.#attempt));
        return this.#begin();
      case "handOver":
        if (this.#status !== "RUNNING") return;
        this.#enter("PENDING");
        return this.#enter("RUNNING");
      case "edit":
        if (this.#shown) this.#told.push(signal("previewReset"));
        this.#history = this.#history.slice(0, -1);
        this.#version += 1;
        this.#told.push(signal("historyReset"), ...this.#history.map(asEvent));
        return this.#renew();
      case "revise": {
        const last = this.#history.at(-1);
        if (last === undefined || this.#shown) return;
        this.#version += 1;
        const revised = { ...last, revision: BigInt(this.#version) };
        this.#history = [...this.#history.slice(0, -1), revised];
        this.#told.push(asEvent(revised));
        return this.#renew();
      }
      case "queue":
        this.#told.push(queue(...one.ids));
        return;
      case "idle":
        if (!this.#shown) this.#enter("WAITING");
        return;
      default:
        one satisfies never;
    }
  }

  #enter(next: keyof typeof ChatStatus): void {
    if (next === this.#status) return;
    this.#status = next;
    this.#told.push(status(next));
  }

  #generate(block: number, part: PartInit): void {
    if (this.#status !== "RUNNING") return;
    const number = Math.min(block, this.#blocks.length);
    if (this.#blocks[number] !== undefined && this.#blocks[number].kind?.case !== part.kind?.case) return;
    this.#blocks[number] = part;
    if (this.#attempt === 0) this.#attempt = 1;
    this.#seq += 1;
    this.#shown = true;
    this.#told.push(
      delta(part, { episode: [this.#version, this.#attempt], seq: this.#seq, block: number + 1 }),
    );
  }

  #write(role: Role, parts: readonly PartInit[]): void {
    this.#version += 1;
    this.#lastId += 1;
    const told = message(this.#lastId, role, parts, this.#version);
    if (told.event.case === "message" && told.event.value.message !== undefined)
      this.#history.push(told.event.value.message);
    this.#told.push(told);
    this.#renew();
  }

  /** The next step. */
  #renew(): void {
    this.#attempt = 0;
    this.#begin();
    this.#attempt = 0;
  }

  /** The next attempt. */
  #begin(): void {
    this.#attempt += 1;
    this.#seq = 0;
    this.#blocks = [];
    this.#shown = false;
  }
}

function fragmentOf({ fragment, of }: Extract<Happening, { type: "generate" }>, block: number): PartInit {
  if (of === "call") return callPart(block, { argsDelta: fragment });
  return { kind: { case: of, value: { text: fragment } } };
}

function callPart(block: number, rest: { argsJson?: string; argsDelta?: string }): PartInit {
  return {
    kind: {
      case: "toolCall",
      value: { toolCallId: `call_${block}`, toolName: "search", providerExecuted: true, ...rest },
    },
  };
}

function resultPart(block: number): PartInit {
  return {
    kind: {
      case: "toolResult",
      value: { toolCallId: `call_${block}`, toolName: "search", providerExecuted: true, resultJson: "[]" },
    },
  };
}

function asEvent(told: Message): StreamEvent {
  return event({ case: "message", value: { message: create(MessageSchema, told) } });
}

/** The same transcript in which adjacent deltas of a block are merged where `merges` says so (STREAM-6). */
export function merged(events: readonly StreamEvent[], merges: readonly boolean[]): readonly StreamEvent[] {
  const result: StreamEvent[] = [];
  for (const [index, next] of events.entries()) {
    const before = result.at(-1);
    const one = before !== undefined && merges[index] === true ? mergeDeltas(before, next) : undefined;
    if (one === undefined) result.push(next);
    else result[result.length - 1] = one;
  }
  return result;
}

function mergeDeltas(a: StreamEvent, b: StreamEvent): StreamEvent | undefined {
  if (a.event.case !== "messagePart" || b.event.case !== "messagePart") return undefined;
  const [first, second] = [a.event.value, b.event.value];
  const part =
    first.block === second.block && sameEpisode(first, second)
      ? mergeParts(first.part, second.part)
      : undefined;
  if (part === undefined) return undefined;
  return event({ case: "messagePart", value: { ...first, seq: second.seq, part } });
}

function sameEpisode(a: MessagePartEvent, b: MessagePartEvent): boolean {
  return (
    a.episode?.historyVersion === b.episode?.historyVersion &&
    a.episode?.generationAttempt === b.episode?.generationAttempt
  );
}

function mergeParts(a: Part | undefined, b: Part | undefined): Part | undefined {
  if (a?.kind.case === "text" && b?.kind.case === "text")
    return create(PartSchema, text(a.kind.value.text + b.kind.value.text));
  if (a?.kind.case === "toolCall" && b?.kind.case === "toolCall" && b.kind.value.argsDelta !== "")
    return create(PartSchema, {
      kind: {
        case: "toolCall",
        value: { ...a.kind.value, argsDelta: a.kind.value.argsDelta + b.kind.value.argsDelta },
      },
    });
  return undefined;
}

/** A transcript cut into responses; a cursor is the number of events before it. */
export function inResponses<Event>(
  events: readonly Event[],
  cuts: readonly number[],
): { readonly events: readonly Event[]; readonly cursor: string }[] {
  const ends = [...new Set([...cuts.map((cut) => cut % (events.length + 1)), events.length])].sort(
    (a, b) => a - b,
  );
  return ends.map((end, index) => ({ events: events.slice(ends[index - 1] ?? 0, end), cursor: String(end) }));
}
