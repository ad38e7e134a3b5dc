import { type CallOptions, type Client, ConnectError } from "@connectrpc/connect";
import { type ChatService, type SubscribeRequest } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import type { MessagePartEvent, StreamEvent } from "../../src/gen/palaver/chat/v1/event_pb.js";
import type { Message, Part } from "../../src/gen/palaver/chat/v1/message_pb.js";

type EventCase = Exclude<StreamEvent["event"]["case"], undefined>;
type EventOf<Case extends EventCase> = Extract<StreamEvent["event"], { case: Case }>["value"];

/**
 * A subscription that records what it gets, for tests that wait for events instead of sleeping. Each wait has a deadline and says what
 * it had seen when it fails. Disposing it leaves.
 */
export class Watch implements AsyncDisposable {
  readonly events: StreamEvent["event"][] = [];
  /** How the stream ended; undefined while it goes on, null when it ended without an error. */
  ended: ConnectError | null | undefined;
  readonly #leave = new AbortController();
  readonly #reading: Promise<void>;
  readonly #changed = new Set<() => void>();

  constructor(
    client: Client<typeof ChatService>,
    request: Partial<SubscribeRequest> & { chatId: string },
    options: CallOptions = {},
  ) {
    this.#reading = this.#read(client, request, options);
  }

  async #read(
    client: Client<typeof ChatService>,
    request: Partial<SubscribeRequest>,
    options: CallOptions,
  ): Promise<void> {
    try {
      const { chatId = "", afterMessageId = 0n, cursor = "" } = request;
      for await (const response of client.subscribe(
        { chatId, afterMessageId, cursor },
        { ...options, signal: this.#leave.signal },
      )) {
        this.events.push(...response.events.map((event) => event.event));
        for (const listener of [...this.#changed]) listener();
      }
      this.ended = null;
    } catch (error) {
      this.ended = ConnectError.from(error);
    }
    for (const listener of [...this.#changed]) listener();
  }

  /** Resolves with what `find` returns as soon as it is not undefined; looks again after each response. */
  async until<T>(
    what: string,
    find: (events: Watch["events"]) => T | undefined,
    deadlineMs = 15_000,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find(this.events);
        if (found === undefined && this.ended === undefined) return;
        finish();
        if (found !== undefined) resolve(found);
        else
          reject(
            this.#failure(`the stream ended (${this.ended?.message ?? "without an error"}) before ${what}`),
          );
      };
      const finish = (): void => {
        clearTimeout(deadline);
        this.#changed.delete(look);
      };
      const deadline = setTimeout(() => {
        finish();
        reject(this.#failure(`${what} did not come within ${deadlineMs} ms`));
      }, deadlineMs);
      this.#changed.add(look);
      look();
    });
  }

  /** The first event of that kind at or after `from`. */
  async event<Case extends EventCase>(
    kind: Case,
    matches: (value: EventOf<Case>) => boolean = () => true,
    from = 0,
  ): Promise<EventOf<Case>> {
    return this.until(`a ${kind} event`, (events) => {
      const found = events
        .slice(from)
        .find((event) => event.case === kind && matches(event.value as EventOf<Case>));
      return found === undefined ? undefined : (found.value as EventOf<Case>);
    });
  }

  async status(status: ChatStatus, from = 0): Promise<void> {
    await this.until(`status ${ChatStatus[status]}`, (events) =>
      events.slice(from).some((event) => event.case === "status" && event.value.status === status)
        ? true
        : undefined,
    );
  }

  /** What is shown of the running step: the parts of the deltas since the last message. */
  running(): string[] {
    const from = this.events.findLastIndex((event) => event.case === "message") + 1;
    return joinDeltas(
      this.events.slice(from).flatMap((event) => (event.case === "messagePart" ? [event.value] : [])),
    );
  }

  /** The stream has ended; with which error. */
  async end(): Promise<ConnectError | null> {
    await this.#reading;
    return this.ended ?? null;
  }

  /** How many events have come so far: for waits that only look at what comes after. */
  get mark(): number {
    return this.events.length;
  }

  all<Case extends EventCase>(kind: Case): EventOf<Case>[] {
    return this.events.filter((event) => event.case === kind).map((event) => event.value as EventOf<Case>);
  }

  messages(): Message[] {
    const last = this.events.findLastIndex((event) => event.case === "historyReset");
    const byId = new Map<bigint, Message>();
    for (const event of this.events.slice(last + 1)) {
      if (event.case === "message" && event.value.message !== undefined)
        byId.set(event.value.message.id, event.value.message);
    }
    return [...byId.values()];
  }

  /** Kinds in order, runs of the same kind as one: the shape of what was seen. */
  shape(): string[] {
    return this.events
      .filter((event) => event.case !== "keepalive")
      .map((event) =>
        event.case === "status" ? `status ${ChatStatus[event.value.status]}` : (event.case ?? "unknown"),
      )
      .filter((kind, index, kinds) => kind !== kinds[index - 1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.abort();
    await this.#reading;
  }

  #failure(what: string): Error {
    return new Error(`${what}; seen so far: ${this.shape().join(", ")}`);
  }
}

/** The text of a message's text parts. */
export function textOf(message: Pick<Message, "parts"> | undefined): string {
  return (message?.parts ?? [])
    .map((part) => (part.kind.case === "text" ? part.kind.value.text : ""))
    .join("");
}

/** Deltas joined into parts, block by block, as a client shows them: for comparing with what was committed. */
export function joinDeltas(deltas: readonly Pick<MessagePartEvent, "block" | "part">[]): string[] {
  const blocks = new Map<number, string>();
  for (const { block, part } of deltas) blocks.set(block, fragment(blocks.get(block) ?? "", part));
  return [...blocks].sort(([a], [b]) => a - b).map(([, text]) => text);
}

/** A committed part in the words of {@link joinDeltas}. */
export function describePart(part: Part): string {
  return fragment("", part);
}

function fragment(before: string, part: Part | undefined): string {
  switch (part?.kind.case) {
    case "text":
    case "reasoning":
      return `${before === "" ? `${part.kind.case}: ` : before}${part.kind.value.text}`;
    case "toolCall": {
      const { toolName, argsJson, argsDelta } = part.kind.value;
      if (argsJson !== undefined) return `call ${toolName} ${argsJson}`;
      return `${before === "" ? `call ${toolName} ` : before}${argsDelta}`;
    }
    case "toolResult":
      return `result ${part.kind.value.toolName} ${part.kind.value.resultJson ?? ""}`;
    default:
      return part?.kind.case ?? "";
  }
}
