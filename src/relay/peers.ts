import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  StreamDeltasRequestSchema,
  type StreamDeltasResponse,
} from "../gen/palaver/relay/v1/relay_service_pb.js";
import type { Clock, Logger } from "../platform/index.js";
import { PeerSessions, type PeerTls } from "./peer-sessions.js";
import { callPeer } from "./relay-call.js";
import { Slots } from "./slots.js";

/** What a replica presents to its peers, and by what it knows them. */
export interface PeerCredentials {
  readonly token: string;
  /** Mutual TLS. */
  readonly tls: PeerTls | undefined;
}

/** Connections that were closed are forgotten from so many on. */
const manyPeers = 64;
/** A peer that comes back is dialled for all its chats at once: so many at a time, so that it still answers pings. */
const maxDialsPerPeer = 128;
/**
 * A dial that has not been accepted after this long has failed: a peer that is held up need not refuse it. The time that it waited for
 * others does not count, or those of a busy peer that come last would fail without having been made.
 */
const dialTimeoutMs = 5_000;

interface Peer {
  readonly sessions: PeerSessions;
  readonly dials: Slots;
  /** Its last call was cut, or could not be made. */
  silent: boolean;
}

/** The other replicas, each with the connections that all relays share. */
export class Peers implements Disposable {
  readonly #credentials: PeerCredentials;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #peers = new Map<string, Peer>();

  constructor(credentials: PeerCredentials, { clock, logger }: { clock: Clock; logger: Logger }) {
    this.#credentials = credentials;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Hands on what comes until the peer ends the stream; then resolves.
   *
   * @throws ConnectError, when the call fails or is not accepted in time; the signal's reason, when it aborts; what `received` throws
   */
  async streamDeltas(
    url: string,
    request: MessageInitShape<typeof StreamDeltasRequestSchema>,
    {
      signal,
      received,
    }: { readonly signal: AbortSignal; readonly received: (response: StreamDeltasResponse) => void },
  ): Promise<void> {
    const peer = this.#peerAt(url);
    using dial = await peer.dials.take(signal);
    const tooLate = new AbortController();
    using patience = this.#clock.timer(dialTimeoutMs, () => tooLate.abort());
    let isAccepted = false;
    const accepted = (): void => {
      isAccepted = true;
      patience[Symbol.dispose]();
      dial.release();
    };
    try {
      await callPeer(peer.sessions, create(StreamDeltasRequestSchema, request), {
        token: this.#credentials.token,
        signal: AbortSignal.any([signal, tooLate.signal]),
        received: (response) => {
          if (!isAccepted) accepted();
          this.#answered(peer, url);
          received(response);
        },
      });
    } catch (error) {
      const why = tooLate.signal.aborted ? notAccepted(error) : error;
      this.#failed(peer, url, why);
      throw why;
    }
  }

  /** Cuts all connections. */
  [Symbol.dispose](): void {
    for (const { sessions } of this.#peers.values()) sessions[Symbol.dispose]();
    this.#peers.clear();
  }

  #answered(peer: Peer, url: string): void {
    if (peer.silent) this.#logger.info({ url }, "a replica answers again");
    peer.silent = false;
  }

  /** Once, however many calls it takes with it and however often it is called again. */
  #failed(peer: Peer, url: string, error: unknown): void {
    if (peer.silent || !(error instanceof ConnectError) || error.code !== Code.Unavailable) return;
    peer.silent = true;
    this.#logger.warn(
      { url, err: error },
      "a replica does not answer: what its chats generate is not shown here",
    );
  }

  #peerAt(url: string): Peer {
    let peer = this.#peers.get(url);
    if (peer === undefined) {
      if (this.#peers.size >= manyPeers) this.#forgetClosed();
      const { tls } = this.#credentials;
      const sessions = new PeerSessions({ url, tls, clock: this.#clock });
      peer = { sessions, dials: new Slots(maxDialsPerPeer), silent: false };
      this.#peers.set(url, peer);
    }
    return peer;
  }

  #forgetClosed(): void {
    for (const [url, { sessions }] of this.#peers) if (!sessions.isOpen) this.#peers.delete(url);
  }
}

function notAccepted(cause: unknown): ConnectError {
  const what = "the peer did not accept the call in time";
  return new ConnectError(what, Code.Unavailable, undefined, undefined, cause);
}
