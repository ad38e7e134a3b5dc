import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP link that a test can cut and mend: between a replica and its database, say. */
export interface TcpGate extends AsyncDisposable {
  readonly port: number;
  /** Cuts all connections, and refuses new ones until {@link TcpGate.mend}. */
  sever(): void;
  mend(): void;
}

export async function openTcpGate(target: { host: string; port: number }): Promise<TcpGate> {
  const sockets = new Set<Socket>();
  let severed = false;
  const server = createServer((near) => {
    if (severed) return near.destroy();
    const far = connect(target.port, target.host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const sever = (): void => {
    severed = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    sever,
    mend: () => {
      severed = false;
    },
    [Symbol.asyncDispose]: async () => {
      sever();
      server.close();
      await once(server, "close");
    },
  };
}
