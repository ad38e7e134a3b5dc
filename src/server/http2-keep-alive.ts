import type { Http2Session } from "node:http2";
import type { Clock } from "../platform/index.js";

/**
 * Pings the peer of an HTTP/2 connection at intervals, which Node's server does not do by itself, and destroys the connection
 * when an answer stays away: a peer that vanished without a word is noticed after `intervalMs + timeoutMs` at the latest.
 */
export function keepAlive(
  session: Http2Session,
  { clock, intervalMs, timeoutMs }: { clock: Clock; intervalMs: number; timeoutMs: number },
): Disposable {
  let timer: Disposable;
  const wait = (): void => {
    timer = clock.timer(intervalMs, ping);
  };
  const ping = (): void => {
    if (session.destroyed) return;
    timer = clock.timer(timeoutMs, () => session.destroy());
    session.ping((error) => {
      timer[Symbol.dispose]();
      if (error === null && !session.destroyed) wait();
    });
  };
  wait();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
