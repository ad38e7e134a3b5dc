import type { Socket } from "node:net";
import type { Clock } from "../platform/index.js";

/** What a connection without TLS speaks. */
export type PlaintextProtocol = "http/1.1" | "h2c";

/**
 * Calls `decided` once the first three bytes of a connection tell its protocol: HTTP/2 begins with "PRI", and no method of
 * HTTP/1.1 does. The bytes are put back before, in whatever pieces they came. A connection that ends, fails or does
 * not send three bytes within the time limit is destroyed, and `decided` is not called.
 */
export function sniffProtocol(
  socket: Socket,
  {
    clock,
    timeoutMs,
    decided,
  }: { clock: Clock; timeoutMs: number; decided: (protocol: PlaintextProtocol) => void },
): void {
  const giveUp = (): void => {
    socket.destroy();
  };
  const look = (): void => {
    // null until three bytes are there; fewer than three only where the connection ends with them.
    const head = socket.read(3) as Buffer | null;
    if (head === null) return;
    release();
    if (head.length < 3) return giveUp();
    socket.unshift(head);
    decided(head.toString("latin1") === "PRI" ? "h2c" : "http/1.1");
  };
  const release = (): void => {
    timer[Symbol.dispose]();
    socket.off("readable", look).off("end", giveUp).off("error", giveUp).off("close", release);
  };
  const timer = clock.timer(timeoutMs, giveUp);
  socket.on("readable", look).on("end", giveUp).on("error", giveUp).on("close", release);
}
