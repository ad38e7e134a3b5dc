import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { reservePort } from "../reserved-port.js";
import { startProgram } from "../program.js";

/** A NATS server of this test's own, with JetStream. */
export async function startNats(): Promise<AsyncDisposable & { readonly url: string }> {
  const home = await mkdtemp(join(tmpdir(), "conformance-nats-"));
  const { port, [Symbol.asyncDispose]: letGo } = await reservePort();
  // Debian has it where not everybody looks.
  const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin`;
  const program = startProgram({
    command: [
      "nats-server",
      "--addr",
      "127.0.0.1",
      "--port",
      String(port),
      "--jetstream",
      "--store_dir",
      home,
    ],
    env: { PATH },
  });
  const dispose = async (): Promise<void> => {
    await program[Symbol.asyncDispose]();
    await letGo();
    await rm(home, { recursive: true, force: true });
  };
  const url = `nats://127.0.0.1:${port}`;
  const ended = program.ended.then(() => {
    throw new Error(`nats-server ended: ${program.stderr}`);
  });
  // Whoever waits for it first is told; later nobody is interested.
  ended.catch(() => undefined);
  try {
    const probe = await Promise.race([connected(url), ended]);
    await probe.close();
    return { url, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** It says nothing when it is ready: the client asks again and again. */
function connected(url: string): Promise<NatsConnection> {
  return connect({
    servers: url,
    waitOnFirstConnect: true,
    reconnectTimeWait: 20,
    maxReconnectAttempts: 500,
  });
}
