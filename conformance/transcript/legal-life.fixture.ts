import fc from "fast-check";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatErrorKind } from "../../src/gen/palaver/chat/v1/error_pb.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import {
  caughtUp,
  delta,
  type Event,
  historyReset,
  keepalive,
  message,
  previewReset,
  status,
} from "./transcript.fixture.js";

/** What a turn comes to. */
interface Turn {
  /** The fragments of each step's answer. */
  readonly steps: readonly (readonly string[])[];
  /** Attempts at the first step that fail after that many fragments. */
  readonly failures: readonly number[];
  readonly end: "finished" | "failed" | "interrupted" | "edited";
}

/** A subscriber to which a chat tells what it does, by the rules: a small chat of its own, which shares nothing with any other. */
class Life {
  readonly events: Event[] = [status(ChatStatus.WAITING), caughtUp];
  #version = 1;
  #historyVersion = 1;
  #messages: { id: number; revision: number; role: Role; text: string; interrupted: boolean }[] = [];
  #nextId = 1;

  turn({ steps, failures, end }: Turn): void {
    this.#write(Role.USER, "go on");
    this.#tell(status(ChatStatus.PENDING));
    this.#tell(status(ChatStatus.RUNNING));
    let attempt = 1;
    for (const shown of failures) {
      this.#show(attempt, steps[0]?.slice(0, shown) ?? []);
      this.#version += 1;
      this.#tell({ case: "retry", value: { retry: { attempt, error: someError } } });
      if (shown > 0) this.#tell(previewReset);
      attempt += 1;
    }
    for (const [index, fragments] of steps.entries()) {
      this.#show(attempt, fragments);
      const isLast = index === steps.length - 1;
      if (isLast && end !== "finished") break;
      if (fragments.join("") !== "") this.#write(Role.ASSISTANT, fragments.join(""));
      attempt = 1;
    }
    this.#end(end, steps.at(-1)?.join("") ?? "");
  }

  #end(end: Turn["end"], shown: string): void {
    this.#version += 1;
    if (end === "finished") return this.#tell(status(ChatStatus.WAITING));
    if (end === "failed") {
      this.#tell({ case: "error", value: { error: someError } });
      return this.#tell(status(ChatStatus.ERROR));
    }
    if (end === "interrupted") {
      this.#tell(status(ChatStatus.INTERRUPTING));
      // What was generated and not yet shown is committed too.
      if (shown !== "") this.#write(Role.ASSISTANT, `${shown} and more`, true);
      return this.#tell(status(ChatStatus.WAITING));
    }
    if (shown !== "") this.#tell(previewReset);
    this.#messages = this.#messages.slice(0, -1);
    this.#tell(historyReset);
    for (const { id, revision, role, text, interrupted } of this.#messages)
      this.#tell(message(id, revision, role, text, { interrupted }));
    this.#write(Role.USER, "go on differently");
    this.#tell(status(ChatStatus.PENDING));
    this.#version += 1;
    this.#tell(status(ChatStatus.WAITING));
  }

  #show(attempt: number, fragments: readonly string[]): void {
    for (const [index, fragment] of fragments.entries())
      this.#tell(delta([this.#historyVersion, attempt], index + 1, fragment));
  }

  #write(role: Role, text: string, interrupted = false): void {
    this.#version += 1;
    this.#historyVersion = this.#version;
    const written = { id: this.#nextId++, revision: this.#version, role, text, interrupted };
    this.#messages.push(written);
    this.#tell(message(written.id, written.revision, role, text, { interrupted }));
  }

  #tell(event: Event): void {
    this.events.push(event);
  }
}

const someError = { message: "it did not work", kind: ChatErrorKind.OVERLOADED };

const turns: fc.Arbitrary<readonly Turn[]> = fc.array(
  fc.record({
    steps: fc.array(fc.array(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 4 }), {
      minLength: 1,
      maxLength: 3,
    }),
    failures: fc.array(fc.nat(3), { maxLength: 2 }),
    end: fc.constantFrom("finished", "failed", "interrupted", "edited"),
  }),
  { maxLength: 4 },
);

/** All that a subscriber could be told of a chat's life, each thing by itself. */
export const legalLives: fc.Arbitrary<readonly Event[]> = turns.map((all) => {
  const life = new Life();
  for (const turn of all) life.turn(turn);
  return life.events;
});

/** Another telling of the same, as the rules allow: with deltas merged, statuses passed over, pauses, and grouped. `choices` decides, again and again. */
export function retold(events: readonly Event[], choices: readonly number[]): readonly (readonly Event[])[] {
  let next = 0;
  const chance = (): boolean => (choices[next++ % Math.max(choices.length, 1)] ?? 0) % 3 === 0;
  const told: Event[] = [];
  for (const event of events) {
    const last = told.at(-1);
    const merged = last === undefined || !chance() ? undefined : merge(last, event);
    if (merged !== undefined) told.splice(-1, 1, merged);
    // The first status is the beginning, and an idle one is the newest for a while.
    else if (told.length > 0 && isPassing(event) && chance()) continue;
    else if (event.case === "status" && event.value.status === lastStatus(told)) continue;
    else told.push(event);
    if (chance()) told.push(keepalive);
  }
  const groups: Event[][] = [];
  for (const event of told) {
    const group = groups.at(-1);
    if (group !== undefined && chance()) group.push(event);
    else groups.push([event]);
  }
  return groups;
}

function lastStatus(events: readonly Event[]): ChatStatus | undefined {
  const last = events.findLast((event) => event.case === "status");
  return last?.case === "status" ? last.value.status : undefined;
}

function isPassing(event: Event): boolean {
  return (
    event.case === "status" &&
    (event.value.status === ChatStatus.PENDING || event.value.status === ChatStatus.RUNNING)
  );
}

/** Undefined for what cannot be one. */
function merge(a: Event, b: Event): Event | undefined {
  if (a.case !== "messagePart" || b.case !== "messagePart") return undefined;
  const [one, other] = [a.value.part?.kind, b.value.part?.kind];
  if (one?.case !== "text" || other?.case !== "text") return undefined;
  const { episode, seq, role, block } = b.value;
  const text = (one.value.text ?? "") + (other.value.text ?? "");
  const part = { kind: { case: "text" as const, value: { text } } };
  return {
    case: "messagePart",
    value: {
      ...(episode === undefined ? {} : { episode }),
      ...(a.value.firstSeq === undefined ? {} : { firstSeq: a.value.firstSeq }),
      ...(seq === undefined ? {} : { seq }),
      ...(role === undefined ? {} : { role }),
      ...(block === undefined ? {} : { block }),
      part,
    },
  };
}
