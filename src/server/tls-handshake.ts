import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { Clock } from "../platform/index.js";

/** Who a server is, and who vouches for those that may connect to it: PEM texts. */
export interface MutualTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** What a connection with TLS speaks, as its ends have agreed (ALPN). */
type TlsProtocol = "http/1.1" | "h2";

/** Where a connection goes once it is known what it speaks. */
type TlsHandshake = (
  socket: Socket,
  options: {
    clock: Clock;
    timeoutMs: number;
    decided: (protocol: TlsProtocol, connection: TLSSocket) => void;
  },
) => void;

/**
 * Takes TCP connections through TLS 1.2 or newer, in which both ends show a certificate. `decided` is called with the encrypted connection when
 * the client's is good. A connection whose handshake fails, or is not over within the time limit, is destroyed: `decided` is not called,
 * and `failed` learns of the faulty ones.
 */
export function tlsHandshake({ cert, key, ca }: MutualTls, failed: (error: Error) => void): TlsHandshake {
  const waiting = new Map<string, (connection: TLSSocket) => void>();
  // Never listens itself: it is handed connections, and hands them back encrypted.
  const server = createServer({
    cert,
    key,
    ca,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["h2", "http/1.1"],
  });
  server.on("secureConnection", (connection) => {
    const secured = waiting.get(ends(connection));
    if (secured === undefined) connection.destroy();
    else secured(connection);
  });
  server.on("tlsClientError", failed);

  return (socket, { clock, timeoutMs, decided }) => {
    const id = ends(socket);
    const secured = (connection: TLSSocket): void => {
      release();
      decided(connection.alpnProtocol === "h2" ? "h2" : "http/1.1", connection);
    };
    const release = (): void => {
      timer[Symbol.dispose]();
      socket.off("close", release);
      if (waiting.get(id) === secured) waiting.delete(id);
    };
    const timer = clock.timer(timeoutMs, () => socket.destroy());
    socket.on("close", release);
    waiting.set(id, secured);
    server.emit("connection", socket);
  };
}

/** What tells an open TCP connection from every other. Encrypted, it is another object with the same ends. */
function ends({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join(" ");
}
