import type { RelayEvent, StreamDeltasResponse } from "../gen/palaver/relay/v1/relay_service_pb.js";
import type { Clock, Logger, Random } from "../platform/index.js";
import { type DialFailure, dialFailure } from "./dial-failure.js";
import type { Mirror } from "./mirror.js";
import type { Peers } from "./peers.js";
import {
  type RelayedKind,
  type RelayHint,
  type RelayInput,
  type RelayOutput,
  type RelayOwner,
  type RelayState,
  type RelayTarget,
  startRelay,
  stepRelay,
} from "./relay-machine.js";
import type { RelayMetrics } from "./relay-metrics.js";

export interface ChatRelayDeps {
  /** Who runs a chat, as the database says. */
  readonly readOwner: (chatId: string) => Promise<RelayOwner>;
  readonly peers: Pick<Peers, "streamDeltas">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: RelayMetrics;
}

/**
 * The shell of the relay machine: one chat that this replica watches. Reads who runs it, dials, and hands what is forwarded to the mirror.
 * Disposing it releases all; what comes later is dropped.
 */
export class ChatRelay implements Disposable {
  readonly #deps: ChatRelayDeps;
  readonly #chatId: string;
  readonly #mirror: Mirror;
  readonly #dials = new Map<number, AbortController>();
  #state: RelayState;
  #timer: Disposable | undefined;

  constructor(deps: ChatRelayDeps, chatId: string, mirror: Mirror) {
    this.#deps = deps;
    this.#chatId = chatId;
    this.#mirror = mirror;
    const { state, outputs } = startRelay();
    this.#state = state;
    for (const output of outputs) this.#carryOut(output);
  }

  /** A notification about the chat came; without a hint, one may have been missed. */
  notified(hint: RelayHint | undefined): void {
    this.#feed({ type: "notified", hint });
  }

  [Symbol.dispose](): void {
    this.#feed({ type: "stop" });
    this.#timer?.[Symbol.dispose]();
  }

  /** `received`: what an input that says so has brought. Returns false when it does not continue what came before. */
  #feed(input: RelayInput, received?: RelayEvent): boolean {
    const { state, outputs } = stepRelay(this.#state, input);
    this.#state = state;
    let continues = true;
    for (const output of outputs) {
      if (output.type === "forward" && received !== undefined) continues = this.#mirror.apply(received);
      else this.#carryOut(output);
    }
    return continues;
  }

  #carryOut(output: RelayOutput): void {
    switch (output.type) {
      case "forward":
        break;
      case "readOwner":
        void this.#readOwner(output.readId);
        break;
      case "dial":
        void this.#dial(output.dialId, output.target);
        break;
      case "cancelDial":
      case "close":
        this.#dials.get(output.dialId)?.abort();
        break;
      case "discard":
        this.#mirror.discard();
        break;
      case "armTimer": {
        const { clock, random } = this.#deps;
        const { timerId, ms } = output;
        this.#timer?.[Symbol.dispose]();
        // Many relays may have lost the same peer.
        this.#timer = clock.timer(ms * (0.9 + 0.2 * random.fraction()), () =>
          this.#feed({ type: "timer", timerId }),
        );
        break;
      }
      default:
        output satisfies never;
    }
  }

  async #readOwner(readId: number): Promise<void> {
    const { readOwner, logger } = this.#deps;
    try {
      this.#feed({ type: "owner", readId, owner: await readOwner(this.#chatId) });
    } catch (error) {
      logger.warn({ err: error, chat_id: this.#chatId }, "who runs a chat could not be read");
      this.#feed({ type: "ownerUnknown", readId });
    }
  }

  /** From the dial to the end of the stream that comes of it, if one does. Never rejects. */
  async #dial(dialId: number, target: RelayTarget): Promise<void> {
    const controller = new AbortController();
    this.#dials.set(dialId, controller);
    let connected: Disposable | undefined;
    let failure: DialFailure | undefined;
    try {
      await this.#call(target, controller.signal, ({ events }) => {
        connected ??= this.#accepted(dialId);
        for (const event of events) this.#received(dialId, event);
      });
    } catch (error) {
      failure = dialFailure(error);
    }
    connected?.[Symbol.dispose]();
    // What the peer may still send is of no use.
    controller.abort();
    this.#dials.delete(dialId);
    this.#over(dialId, target, { accepted: connected !== undefined, failure });
  }

  #call(
    { url, workerId }: RelayTarget,
    signal: AbortSignal,
    received: (response: StreamDeltasResponse) => void,
  ): Promise<void> {
    const { held } = this.#mirror;
    const after = held && {
      episode: {
        historyVersion: BigInt(held.episode.historyVersion),
        generationAttempt: held.episode.generationAttempt,
      },
      seq: BigInt(held.seq),
    };
    const request = { chatId: this.#chatId, workerId, ...(after && { after }) };
    return this.#deps.peers.streamDeltas(url, request, { signal, received });
  }

  #accepted(dialId: number): Disposable {
    const { metrics } = this.#deps;
    metrics.dialed("accepted");
    this.#feed({ type: "dialed", dialId });
    return metrics.connected();
  }

  #received(dialId: number, event: RelayEvent): void {
    const kind = kindOf(event);
    if (kind !== undefined && !this.#feed({ type: "received", dialId, kind }, event))
      throw new Error("the peer's deltas do not continue what it has sent");
  }

  #over(
    dialId: number,
    target: RelayTarget,
    { accepted, failure }: { readonly accepted: boolean; readonly failure: DialFailure | undefined },
  ): void {
    const { logger, metrics } = this.#deps;
    const refused = failure?.refused === true;
    // What was given up ends as well, and that is no failure.
    if ("dialId" in this.#state && this.#state.dialId === dialId) {
      if (accepted) metrics.lost();
      else metrics.dialed(refused ? "refused" : "unreachable");
      const { workerId, url } = target;
      const fields = { chat_id: this.#chatId, worker_id: workerId, url, err: failure?.error };
      if (refused)
        logger.error(
          fields,
          "a replica refuses to relay a chat, and is not asked again: is PALAVER_CLUSTER_TOKEN the same on both?",
        );
      // One peer may take thousands of them with it, again and again: that it does not answer is told of the peer.
      else logger.debug(fields, accepted ? "a relay was lost" : "a replica could not be dialled");
    }
    this.#feed({ type: accepted ? "ended" : "dialFailed", dialId, refused });
  }
}

function kindOf({ event }: RelayEvent): RelayedKind | undefined {
  switch (event.case) {
    case "episodeOpened":
      return "opened";
    case "deltas":
      return "deltas";
    case "episodeClosed":
      return "closed";
    default:
      return undefined;
  }
}
