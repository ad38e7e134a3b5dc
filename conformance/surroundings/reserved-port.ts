import { once } from "node:events";
import { createServer, type Server } from "node:net";

// Below the ranges that systems take the ports of outgoing connections from (Linux 32768, others 49152, gVisor 16000): what is free here stays
// so until somebody wants to listen on just this port.
const firstPort = 10_000;
const lastPort = 15_900;

/** A port of 127.0.0.1, for a program that has to be told its port before it starts. */
export interface ReservedPort extends AsyncDisposable {
  readonly port: number;
}

/**
 * A port on which nobody listens, and which no other run of the suite on this machine is given before it is let go: while our replica starts, or
 * is down, another run's would be taken for it. That it is reserved shows in somebody listening on the port after it: we do.
 *
 * @param random from 0 to 1, 1 excluded
 */
export async function reservePort(random = Math.random): Promise<ReservedPort> {
  for (let attempt = 1; attempt <= 100; attempt++) {
    const port = firstPort + 2 * Math.floor((random() * (lastPort - firstPort)) / 2);
    const sign = await listenOn(port + 1);
    if (sign === undefined) continue;
    const probe = await listenOn(port);
    if (probe === undefined) {
      await close(sign);
      continue;
    }
    await close(probe);
    return { port, [Symbol.asyncDispose]: () => close(sign) };
  }
  throw new Error(`no port between ${firstPort} and ${lastPort} is free`);
}

/** Undefined when the port is taken. What listens does not keep this process alive. */
async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen(port, "127.0.0.1").unref();
    await once(server, "listening");
    return server;
  } catch {
    return undefined;
  }
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await once(server, "close");
}
