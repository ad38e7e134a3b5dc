import type { Bus } from "../bus/index.js";
import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatNotification } from "../gen/palaver/relay/v1/notification_pb.js";
import {
  compareEpisodes,
  DeltaLog,
  type EpisodeId,
  type EpisodeLog,
  type EpisodeSource,
} from "../stream/index.js";
import { ChatRelay, type ChatRelayDeps } from "./chat-relay.js";
import { Mirror } from "./mirror.js";
import type { RelayHint } from "./relay-machine.js";

export interface RelayedEpisodesDeps extends ChatRelayDeps {
  readonly replicaId: string;
  /** What this replica generates. */
  readonly own: DeltaLog;
  readonly bus: Pick<Bus, "watchChat">;
  /** How long committed episodes are kept, as in {@link DeltaLog}. */
  readonly graceMs: number;
}

interface Watched extends Disposable {
  watchers: number;
}

/**
 * The episodes of all chats, wherever they are generated: this replica's own, and those that come over relays. A chat has one relay for as
 * long as somebody watches it here (RELAY-11), which is connected while another replica runs it.
 */
export class RelayedEpisodes implements EpisodeSource, Disposable {
  readonly #deps: RelayedEpisodesDeps;
  readonly #mirrored: DeltaLog;
  readonly #watched = new Map<string, Watched>();

  constructor(deps: RelayedEpisodesDeps) {
    const { clock, graceMs } = deps;
    this.#deps = deps;
    this.#mirrored = new DeltaLog({ clock, graceMs });
  }

  /** The later of the two, where there are two: the worker of the other has lost the chat and does not know it yet. */
  current(chatId: string): EpisodeLog | undefined {
    const own = this.#deps.own.current(chatId);
    const mirrored = this.#mirrored.current(chatId);
    if (own === undefined || mirrored === undefined) return own ?? mirrored;
    return compareEpisodes(own.episode, mirrored.episode) < 0 ? mirrored : own;
  }

  find(chatId: string, episode: EpisodeId): EpisodeLog | undefined {
    return this.#deps.own.find(chatId, episode) ?? this.#mirrored.find(chatId, episode);
  }

  watch(chatId: string, listener: (log: EpisodeLog) => void): Disposable {
    const told = (log: EpisodeLog): void => {
      if (log === this.current(chatId)) listener(log);
    };
    const sources = [this.#deps.own.watch(chatId, told), this.#mirrored.watch(chatId, told)];
    const watched = this.#watched.get(chatId) ?? this.#open(chatId);
    watched.watchers += 1;
    let left = false;
    return {
      [Symbol.dispose]: () => {
        for (const source of sources) source[Symbol.dispose]();
        if (left) return;
        left = true;
        watched.watchers -= 1;
        if (watched.watchers === 0) this.#close(chatId, watched);
      },
    };
  }

  /** Ends all relays. */
  [Symbol.dispose](): void {
    for (const [chatId, watched] of this.#watched) this.#close(chatId, watched);
    this.#mirrored[Symbol.dispose]();
  }

  #open(chatId: string): Watched {
    const { bus, replicaId, metrics } = this.#deps;
    const relay = new ChatRelay(this.#deps, chatId, new Mirror(this.#mirrored, chatId));
    const hints = bus.watchChat(chatId, (notification) => relay.notified(hintOf(notification, replicaId)));
    const counted = metrics.watched();
    const watched: Watched = {
      watchers: 0,
      [Symbol.dispose]: () => {
        for (const source of [hints, relay, counted]) source[Symbol.dispose]();
      },
    };
    this.#watched.set(chatId, watched);
    return watched;
  }

  #close(chatId: string, watched: Watched): void {
    if (this.#watched.get(chatId) !== watched) return;
    this.#watched.delete(chatId);
    watched[Symbol.dispose]();
  }
}

/** Which other replica runs the chat, as the notification has it; undefined when it says nothing of that. */
function hintOf(notification: ChatNotification | undefined, replicaId: string): RelayHint | undefined {
  const status = notification?.status;
  if (status === undefined) return undefined;
  const inTurn = status.status === ChatStatus.RUNNING || status.status === ChatStatus.INTERRUPTING;
  const elsewhere = inTurn && status.workerId !== "" && status.workerId !== replicaId;
  return { workerId: elsewhere ? status.workerId : undefined };
}
