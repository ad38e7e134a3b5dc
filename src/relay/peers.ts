import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  RelayService,
  type StreamDeltasRequestSchema,
  type StreamDeltasResponse,
} from "../gen/palaver/relay/v1/relay_service_pb.js";
import type { Clock } from "../platform/index.js";
import { PeerSessions, type PeerTls } from "./peer-sessions.js";
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

interface Peer {
  readonly sessions: PeerSessions;
  readonly client: Client<typeof RelayService>;
  readonly dials: Slots;
}

/** The other replicas, each with the connections that all relays share. */
export class Peers implements Disposable {
  readonly #credentials: PeerCredentials;
  readonly #clock: Clock;
  readonly #peers = new Map<string, Peer>();

  constructor(credentials: PeerCredentials, clock: Clock) {
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** @throws ConnectError, when the call fails; the signal's reason, when it aborts before the call is made */
  async *streamDeltas(
    url: string,
    request: MessageInitShape<typeof StreamDeltasRequestSchema>,
    signal: AbortSignal,
  ): AsyncGenerator<StreamDeltasResponse, void, undefined> {
    const { client, dials } = this.#peerAt(url);
    using dial = await dials.take(signal);
    for await (const response of client.streamDeltas(request, { signal })) {
      dial.release();
      yield response;
    }
  }

  /** Cuts all connections. */
  [Symbol.dispose](): void {
    for (const { sessions } of this.#peers.values()) sessions[Symbol.dispose]();
    this.#peers.clear();
  }

  #peerAt(url: string): Peer {
    let peer = this.#peers.get(url);
    if (peer === undefined) {
      if (this.#peers.size >= manyPeers) this.#forgetClosed();
      peer = openPeer(url, this.#credentials, this.#clock);
      this.#peers.set(url, peer);
    }
    return peer;
  }

  #forgetClosed(): void {
    for (const [url, { sessions }] of this.#peers) if (!sessions.isOpen) this.#peers.delete(url);
  }
}

function openPeer(url: string, { token, tls }: PeerCredentials, clock: Clock): Peer {
  const sessions = new PeerSessions({ url, tls, clock });
  const transport = createGrpcTransport({
    baseUrl: url,
    sessionManager: sessions,
    interceptors: [presenting(token)],
    // Deltas are small, and the links between replicas are short.
    acceptCompression: [],
  });
  return { sessions, client: createClient(RelayService, transport), dials: new Slots(maxDialsPerPeer) };
}

function presenting(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}
