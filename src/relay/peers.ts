import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { RelayService } from "../gen/palaver/relay/v1/relay_service_pb.js";
import type { Clock } from "../platform/index.js";
import { PeerSessions, type PeerTls } from "./peer-sessions.js";

/** What a replica presents to its peers, and by what it knows them. */
export interface PeerCredentials {
  readonly token: string;
  /** Mutual TLS. */
  readonly tls: PeerTls | undefined;
}

/** Connections that were closed are forgotten from so many on. */
const manyPeers = 64;

interface Peer {
  readonly sessions: PeerSessions;
  readonly client: Client<typeof RelayService>;
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

  clientOf(url: string): Client<typeof RelayService> {
    let peer = this.#peers.get(url);
    if (peer === undefined) {
      if (this.#peers.size >= manyPeers) this.#forgetClosed();
      peer = openPeer(url, this.#credentials, this.#clock);
      this.#peers.set(url, peer);
    }
    return peer.client;
  }

  /** Cuts all connections. */
  [Symbol.dispose](): void {
    for (const { sessions } of this.#peers.values()) sessions[Symbol.dispose]();
    this.#peers.clear();
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
  return { sessions, client: createClient(RelayService, transport) };
}

function presenting(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}
