import { once } from "node:events";
import { createServer } from "node:net";

// Below the ranges that systems take the ports of outgoing connections from (Linux 32768, others 49152, gVisor 16000): what is free here stays
// so until somebody wants to listen on just this port.
const firstPort = 10_000;
const lastPort = 15_900;

/** A port of 127.0.0.1 on which nobody listens, for a program that has to be told its port before it starts. */
export async function freePort(): Promise<number> {
  for (let attempt = 1; attempt <= 100; attempt++) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort));
    if (await isFree(port)) return port;
  }
  throw new Error(`no port between ${firstPort} and ${lastPort} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
