import type {
  SubscribeRequest,
  SubscribeResponse,
} from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { StreamEvent } from "../../../src/gen/palaver/chat/v1/event_pb.js";
import type { Call, CallEnd } from "../../surroundings/clients/call.js";
import { type Transcript, transcriptOf } from "../../transcript/transcript.js";
import { emptyView, isSettled, type View, viewAfter } from "../../transcript/view.js";

/** An event with what it tells: `event.case` and `event.value`. */
export type WatchEvent = StreamEvent["event"];

export interface Waiting {
  readonly signal?: AbortSignal | undefined;
}

/** Somebody who watches a chat: what they were sent, and what they make of it. Ends with the run at the latest. */
export class Watch implements Disposable {
  readonly chatId: string;
  readonly call: Call<SubscribeResponse>;
  readonly #request: Pick<SubscribeRequest, "chatId"> & Partial<SubscribeRequest>;
  readonly #events: WatchEvent[] = [];
  readonly #views: View[] = [];
  #read = 0;

  constructor(
    request: Pick<SubscribeRequest, "chatId"> & Partial<SubscribeRequest>,
    call: Call<SubscribeResponse>,
  ) {
    this.chatId = request.chatId;
    this.#request = request;
    this.call = call;
  }

  /** All events so far, in order. */
  get events(): readonly WatchEvent[] {
    this.#readOn();
    return this.#events;
  }

  /** What the subscriber knows now. Of one with a cursor: what it was told since. */
  get view(): View {
    this.#readOn();
    return this.#views.at(-1) ?? emptyView;
  }

  /** Of the last response; that with which the subscription began before the first. */
  get cursor(): string {
    return this.call.messages.at(-1)?.message.cursor ?? this.#request.cursor ?? "";
  }

  get responses(): readonly SubscribeResponse[] {
    return this.call.messages.map(({ message }) => message);
  }

  /** What is judged by the invariants. */
  get transcript(): Transcript {
    return transcriptOf(this.#request, this.call);
  }

  get end(): CallEnd | undefined {
    return this.call.end;
  }

  /**
   * What `find` returns, as soon as it is neither undefined nor false; it looks again after each response.
   *
   * @throws when the stream ends, or the signal aborts, before that
   */
  until<T>(
    what: string,
    find: (view: View, events: readonly WatchEvent[]) => T | undefined | false,
    waiting?: Waiting,
  ): Promise<T> {
    const look = (): T | undefined => {
      const found = find(this.view, this.events);
      return found === false ? undefined : found;
    };
    return this.call.until(what, look, waiting);
  }

  /** The state as it is when the snapshot is complete. */
  caughtUp(waiting?: Waiting): Promise<View> {
    return this.until("caught_up", (view) => view.caughtUp && view, waiting);
  }

  /** As soon as nothing is under way any more, and `isIt` holds: by default that there are messages. */
  settled(waiting?: Waiting, isIt = ({ messages }: View): boolean => messages.size > 0): Promise<View> {
    return this.until("an end of what goes on", (view) => isSettled(view) && isIt(view) && view, waiting);
  }

  ended(waiting?: Waiting): Promise<CallEnd> {
    return this.call.ended(waiting);
  }

  /** Leaves. */
  cancel(): void {
    this.call.cancel();
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  #readOn(): void {
    for (; this.#read < this.call.messages.length; this.#read += 1) {
      const events = this.call.messages[this.#read]?.message.events ?? [];
      this.#events.push(...events.map(({ event }) => event));
      this.#views.push(viewAfter(events, this.#views.pop()));
    }
  }
}
