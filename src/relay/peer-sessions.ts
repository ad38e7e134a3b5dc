import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../platform/index.js";

/** PEM text: who we are, and who vouches for the peer. */
export interface PeerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface PeerSessionsOptions {
  /** `http://host:port`, or `https://host:port` with `tls`. */
  readonly url: string;
  readonly tls?: PeerTls | undefined;
  readonly clock: Clock;
  /** Until the connection stands, with TLS if there is any. Default 4 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** Pause between two pings. Default 5 s. */
  readonly pingIntervalMs?: number | undefined;
  /** How long a peer may be silent after a ping before the connection counts as dead. Default 3 s. */
  readonly pingTimeoutMs?: number | undefined;
  /** How long a connection stays open without a call. Default 30 s. */
  readonly idleTimeoutMs?: number | undefined;
  /**
   * Calls that one connection carries in its life; the next one opens another. Default 900: the peer's HTTP/2 cuts a
   * connection, with all its calls, on which more than 1000 of them are left within a short time.
   */
  readonly maxCalls?: number | undefined;
}

/**
 * The HTTP/2 connections to one peer: opened when a call needs one, and pinged while they stand.
 * A peer that vanished or stopped without a word ends its calls with `unavailable` within `pingIntervalMs + pingTimeoutMs`, and one that cannot be
 * reached within `connectTimeoutMs`. A connection that broke is not repaired: the next call opens another.
 */
export class PeerSessions implements Disposable {
  readonly #options: PeerSessionsOptions;
  readonly #sessions = new Set<PeerSession>();
  #current: PeerSession | undefined;

  constructor(options: PeerSessionsOptions) {
    this.#options = options;
  }

  /** @throws ConnectError `unavailable` when there is no connection to be had */
  async post(path: string, headers: OutgoingHttpHeaders): Promise<ClientHttp2Stream> {
    for (;;) {
      const session = this.#usable();
      await session.connected;
      // Others who waited for it may have taken what it had left, or it may have broken just now.
      if (session.usable) return session.request({ ...headers, ":method": "POST", ":path": path });
    }
  }

  /** Whether there is a connection, or one is on its way. */
  get isOpen(): boolean {
    return this.#sessions.size > 0;
  }

  /** Ends every connection with its calls. */
  [Symbol.dispose](): void {
    for (const session of this.#sessions) session.destroy();
  }

  #usable(): PeerSession {
    if (this.#current?.usable === true) return this.#current;
    const session = openPeerSession(this.#options, () => this.#sessions.delete(session));
    this.#sessions.add(session);
    this.#current = session;
    return session;
  }
}

/**
 * A time limit is judged in so many looks at equal distance: time in which this process itself stood still, and could not have noticed anything,
 * counts as one look.
 */
const looks = 6;

interface PeerSession {
  /** Rejects with a ConnectError when it cannot be established. */
  readonly connected: Promise<void>;
  /** Whether it takes another call, now or once it is connected. */
  readonly usable: boolean;
  request(headers: OutgoingHttpHeaders): ClientHttp2Stream;
  destroy(): void;
}

function openPeerSession(options: PeerSessionsOptions, closed: () => void): PeerSession {
  const {
    url,
    tls,
    clock,
    connectTimeoutMs = 4000,
    pingIntervalMs = 5000,
    pingTimeoutMs = 3000,
    idleTimeoutMs = 30_000,
    maxCalls = 900,
  } = options;
  const session: ClientHttp2Session = connect(url, { ...tls, minVersion: "TLSv1.2" });
  const fail = (what: string): void => session.destroy(new ConnectError(what, Code.Unavailable));
  let callsLeft = maxCalls;
  let callsOpen = 0;
  let idle: Disposable | undefined;
  let timer: Disposable;

  const wait = (): void => {
    timer = clock.timer(pingIntervalMs, ping);
  };
  /** Fails the connection after `ms` without progress. */
  const expect = (ms: number, progress: () => number, what: string): void => {
    let seen = progress();
    let silent = 0;
    const look = (): void => {
      // It has no socket any more, and "close" is on its way.
      if (session.destroyed) return;
      const now = progress();
      silent = now === seen ? silent + 1 : 0;
      seen = now;
      if (silent === looks) fail(what);
      else timer = clock.timer(ms / looks, look);
    };
    timer = clock.timer(ms / looks, look);
  };
  const ping = (): void => {
    if (session.destroyed) return;
    // An answer may wait behind much else that the peer sends or works on.
    expect(pingTimeoutMs, () => session.socket.bytesRead, "the peer does not answer pings");
    session.ping((error) => {
      timer[Symbol.dispose]();
      if (error === null && !session.destroyed) wait();
    });
  };
  expect(connectTimeoutMs, () => 0, "the peer did not accept the connection in time");
  const connected = new Promise<void>((resolve, reject) => {
    session.once("connect", () => {
      timer[Symbol.dispose]();
      if (session.destroyed) return;
      wait();
      resolve();
    });
    // Stays for as long as the session: its calls learn of it by themselves.
    session.on("error", (error) => reject(unreachable(error)));
    session.once("close", () => {
      timer[Symbol.dispose]();
      idle?.[Symbol.dispose]();
      closed();
      reject(unreachable());
    });
  });
  connected.catch(() => undefined);

  return {
    connected,
    get usable() {
      return callsLeft > 0 && !session.closed && !session.destroyed;
    },
    request: (headers) => {
      const stream = session.request(headers);
      idle?.[Symbol.dispose]();
      callsOpen += 1;
      callsLeft -= 1;
      stream.once("close", () => {
        callsOpen -= 1;
        if (callsOpen > 0 || session.destroyed) return;
        if (callsLeft === 0) session.close();
        else idle = clock.timer(idleTimeoutMs, () => session.close());
      });
      return stream;
    },
    destroy: () => session.destroy(new ConnectError("this replica leaves", Code.Canceled)),
  };
}

function unreachable(cause?: unknown): ConnectError {
  if (cause instanceof ConnectError) return cause;
  const why = cause instanceof Error ? cause.message : "it closed the connection";
  return new ConnectError(
    `the peer cannot be reached: ${why}`,
    Code.Unavailable,
    undefined,
    undefined,
    cause,
  );
}
