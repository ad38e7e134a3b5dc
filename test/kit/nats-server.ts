import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectionOptions, type NatsConnection } from "nats";
import { natsProgram } from "./nats-programs.js";
import { freePort } from "./ports.js";
import { until } from "./until.js";

/** A NATS server that belongs to this process, with JetStream unless the test wants it without. */
export interface NatsServer extends AsyncDisposable {
  /** `nats://127.0.0.1:port`, the same over restarts, without a credential. */
  readonly url: string;
  readonly port: number;
  /** Ends the server at once, as a crash would; what it stored stays. */
  kill(): Promise<void>;
  /** Starts it again, on the same port, with what it had stored. */
  start(): Promise<void>;
  /** A connection of the test's own, which closes with the server. */
  connect(options?: ConnectionOptions): Promise<NatsConnection>;
}

export interface NatsServerOptions {
  /** More of the server's configuration file: who may log in, TLS. */
  readonly config?: string;
  /** How the kit itself logs in. */
  readonly login?: ConnectionOptions;
  readonly jetStream?: boolean;
}

// Runs "$@" as a child for as long as stdin is open; if that ends first, removes the directory $0. The end of stdin is the one
// signal that arrives however the parent ends, even by SIGKILL. The first line of output is the server's process id.
const SUPERVISOR = `
exec 3<&0
"$@" </dev/null >/dev/null 2>"$0/log" & server=$!
echo $server
{ read -r _ <&3; : >"$0/over"; kill -KILL $server; } >/dev/null 2>&1 & watch=$!
wait $server
kill $watch 2>/dev/null
if [ -e "$0/over" ]; then rm -rf "$0"; fi
`;

/** Starts nats-server with its data in a temporary directory, on a free port of 127.0.0.1. It ends with this process, however that ends. */
export async function startNats(options: NatsServerOptions = {}): Promise<NatsServer> {
  const program = await natsProgram();
  const home = await mkdtemp(join(tmpdir(), "palaver-nats-"));
  const port = await freePort();
  // A test checks that the server it reached is its own.
  const name = `test-${randomUUID()}`;
  const config = [
    `listen: "127.0.0.1:${port}"`,
    `server_name: "${name}"`,
    ...(options.jetStream === false ? [] : [`jetstream: { store_dir: "${join(home, "data")}" }`]),
    options.config ?? "",
  ];
  await writeFile(join(home, "server.conf"), config.join("\n"));
  const connections: NatsConnection[] = [];
  const connectTo = async (given: ConnectionOptions = {}): Promise<NatsConnection> => {
    const connection = await connect({
      servers: `127.0.0.1:${port}`,
      timeout: 5_000,
      reconnect: false,
      ...options.login,
      ...given,
    });
    connections.push(connection);
    return connection;
  };
  let stop: (() => Promise<void>) | undefined;
  let pid = 0;

  const start = async (): Promise<void> => {
    const supervisor = spawn("/bin/sh", ["-c", SUPERVISOR, home, program, "-c", join(home, "server.conf")], {
      cwd: home,
      detached: true,
    });
    const ended = once(supervisor, "exit");
    stop = async () => {
      supervisor.stdin.destroy();
      await ended;
    };
    const [firstLine] = (await once(supervisor.stdout.setEncoding("utf8"), "data")) as [string];
    pid = Number(firstLine);
    await until(
      async () => {
        if (supervisor.exitCode !== null) return true;
        const probe = await connectTo();
        const isOurs = probe.info?.server_name === name;
        if (isOurs && options.jetStream !== false) await probe.jetstreamManager();
        await probe.close();
        return isOurs;
      },
      { what: "nats-server to start", deadlineMs: 30_000, intervalMs: 20 },
    );
    if (supervisor.exitCode !== null) throw new Error("nats-server ended while starting");
  };

  const dispose = async (): Promise<void> => {
    await Promise.all(connections.map((connection) => connection.close()));
    await stop?.();
    await rm(home, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    start,
    kill: async () => {
      process.kill(pid, "SIGKILL");
      await until(() => !isAlive(pid), { what: "nats-server to end" });
    },
    connect: connectTo,
    [Symbol.asyncDispose]: dispose,
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
