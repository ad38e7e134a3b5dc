import type { DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { RpcError, type RpcFailure } from "./rpc-failure.js";

/** One thing that came over the wire, as it came. Compression is never offered, so the bytes are the message's own. */
export type Frame =
  | { readonly kind: "headers"; readonly atMs: number; readonly headers: WireHeaders }
  | {
      readonly kind: "message";
      readonly atMs: number;
      readonly encoding: Encoding;
      readonly bytes: Uint8Array;
    }
  /** What tells how the call ended: trailers, gRPC-Web's last frame, Connect's end of stream or its error body (`bytes`: the whole of these). */
  | {
      readonly kind: "trailers";
      readonly atMs: number;
      readonly headers: WireHeaders;
      readonly bytes: Uint8Array;
    }
  /** The last in any order of things: what this side makes of it. */
  | { readonly kind: "end"; readonly atMs: number; readonly end: CallEnd };

export type Encoding = "binary" | "json";
export type WireHeaders = Readonly<Record<string, string>>;

/** `left`: this side has cancelled it. A deadline that passed is a failure. */
export type CallEnd =
  | { readonly how: "completed" }
  | { readonly how: "failed"; readonly failure: RpcFailure }
  | { readonly how: "left" };

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** The call's deadline, which the target is told. */
  readonly timeoutMs?: number;
}

/** A message of the answer, decoded. */
export interface Received<Message> {
  readonly atMs: number;
  readonly message: Message;
}

/** A call that is under way. What comes is taken at once and kept, but while it is paused. */
export interface Call<Message> extends Disposable {
  /** Its path: `/package.Service/Method`. */
  readonly path: string;
  /** All that has come over the wire, in order. */
  readonly frames: readonly Frame[];
  readonly messages: readonly Received<Message>[];
  /** Undefined while it goes on. */
  readonly end: CallEnd | undefined;
  /**
   * What `find` returns, as soon as it is not undefined; it looks again after each message and at the end.
   *
   * @throws when the call ends, or the signal aborts, before that
   */
  until<T>(
    what: string,
    find: (messages: readonly Message[]) => T | undefined,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<T>;
  /** How it ended, as soon as it has. */
  ended(options?: { readonly signal?: AbortSignal | undefined }): Promise<CallEnd>;
  /** Leaves it. */
  cancel(): void;
  /**
   * Takes nothing more off the wire, so that the target feels it: its window fills. A few messages may still come, of what this side has taken
   * off the wire already. May be called at any time.
   */
  pause(): void;
  resume(): void;
}

/** One message; or several, for a method that takes several. */
export type Input<M extends DescMethod> =
  | MessageInitShape<M["input"]>
  | AsyncIterable<MessageInitShape<M["input"]>>;

/** A connection of one client over one wire. Disposing it ends its calls. */
export interface RpcClient extends Disposable {
  /** Begins a call of any method of any service. */
  call<M extends DescMethod>(
    method: M,
    input: Input<M>,
    options?: CallOptions,
  ): Call<MessageShape<M["output"]>>;
  /**
   * A call that has one answer.
   *
   * @throws RpcError
   */
  unary<M extends DescMethod>(
    method: M,
    input: Input<M>,
    options?: CallOptions,
  ): Promise<MessageShape<M["output"]>>;
}

/** Told of every frame of every call. */
export type OnFrame = (call: Call<unknown>, frame: Frame) => void;

export interface ClientOptions {
  /** Sent with each call, for example a credential. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly onFrame?: OnFrame | undefined;
  /** The clock of all times; milliseconds. */
  readonly now?: (() => number) | undefined;
}

/** For a method that answers once. */
export async function onlyAnswer<Message>(call: Call<Message>): Promise<Message> {
  const end = await call.ended();
  if (end.how === "failed") throw new RpcError(end.failure);
  const [answer, another] = call.messages;
  if (answer === undefined || another !== undefined)
    throw new Error(`${call.path} was answered ${call.messages.length} times`);
  return answer.message;
}

/** How a wire carries out what the call's holder wants. */
interface Transfer {
  cancel(): void;
  setPaused(paused: boolean): void;
}

/** Keeps what a call has brought, and lets others wait for it. The wire's side of it is the methods that begin with `record`. */
export class RecordedCall<Message> implements Call<Message> {
  readonly path: string;
  readonly frames: Frame[] = [];
  readonly messages: Received<Message>[] = [];
  /** The messages without their times, for whoever waits for one. */
  readonly #plain: Message[] = [];
  readonly #now: () => number;
  readonly #onFrame: OnFrame;
  readonly #listeners = new Set<() => void>();
  #transfer: Transfer | undefined;
  #end: CallEnd | undefined;
  #isLeft = false;
  #isPaused = false;

  constructor(
    method: DescMethod,
    { now = () => performance.now(), onFrame = () => undefined }: Pick<ClientOptions, "now" | "onFrame">,
  ) {
    this.path = pathOf(method);
    this.#now = now;
    this.#onFrame = onFrame;
  }

  get end(): CallEnd | undefined {
    return this.#end;
  }

  begin(transfer: Transfer): void {
    this.#transfer = transfer;
  }

  recordHeaders(headers: WireHeaders): void {
    this.#record({ kind: "headers", atMs: this.#now(), headers });
  }

  recordBytes(encoding: Encoding, bytes: Uint8Array): void {
    this.#record({ kind: "message", atMs: this.#now(), encoding, bytes });
  }

  recordTrailers(headers: WireHeaders, bytes: Uint8Array = new Uint8Array()): void {
    this.#record({ kind: "trailers", atMs: this.#now(), headers, bytes });
  }

  recordMessage(message: Message): void {
    this.messages.push({ atMs: this.#now(), message });
    this.#plain.push(message);
    this.#changed();
  }

  /** The first time counts. What comes after it is recorded all the same: nothing should. */
  recordEnd(failure: RpcFailure | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = this.#isLeft
      ? { how: "left" }
      : failure === undefined
        ? { how: "completed" }
        : { how: "failed", failure };
    this.#record({ kind: "end", atMs: this.#now(), end: this.#end });
    this.#changed();
  }

  until<T>(
    what: string,
    find: (messages: readonly Message[]) => T | undefined,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        this.#listeners.delete(look);
        signal?.removeEventListener("abort", abandon);
      };
      const look = (): void => {
        let found: T | undefined;
        try {
          found = find(this.#plain);
        } catch (error) {
          finish();
          return reject(error instanceof Error ? error : new Error(String(error)));
        }
        if (found === undefined && this.#end === undefined) return;
        finish();
        if (found === undefined) reject(new Error(`${this.#ending()} before ${what}`));
        else resolve(found);
      };
      const abandon = (): void => {
        finish();
        reject(new Error(`${this.path}: no ${what}`, { cause: signal?.reason }));
      };
      if (signal?.aborted === true) return abandon();
      signal?.addEventListener("abort", abandon, { once: true });
      this.#listeners.add(look);
      look();
    });
  }

  ended(options?: { readonly signal?: AbortSignal | undefined }): Promise<CallEnd> {
    return this.until("an end", () => this.#end, options);
  }

  cancel(): void {
    if (this.#end !== undefined || this.#isLeft) return;
    this.#isLeft = true;
    this.#transfer?.cancel();
  }

  pause(): void {
    this.#setPaused(true);
  }

  resume(): void {
    this.#setPaused(false);
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  #setPaused(paused: boolean): void {
    if (paused === this.#isPaused) return;
    this.#isPaused = paused;
    this.#transfer?.setPaused(paused);
  }

  #record(frame: Frame): void {
    this.frames.push(frame);
    this.#onFrame(this, frame);
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #ending(): string {
    const end = this.#end;
    return `${this.path} ended (${end?.how === "failed" ? new RpcError(end.failure).message : end?.how})`;
  }
}

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
