import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensure } from "../../../test/kit/test-programs.js";
import { installPackage, isExecutable, pathDirectories } from "../../../test/kit/debian-packages.js";
import { freePort } from "../../../test/kit/ports.js";
import { until } from "../../../test/kit/until.js";
import { Unavailable } from "../../run/bench-case.js";

/** A Redis of this run. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  /** Its CPU time so far. */
  readonly cpuUs: () => Promise<number>;
}

// Runs "$@" for as long as stdin is open, and removes the directory $0 then: the end of stdin arrives however the parent ends.
const supervisor = `
"$@" </dev/null >/dev/null 2>&1 & server=$!
read -r _
kill -KILL $server
wait $server 2>/dev/null
rm -rf "$0"
`;

/**
 * Starts redis-server as it is configured without a file, on a free port of 127.0.0.1.
 *
 * @throws Unavailable where it is not, and may not be installed
 */
export async function startRedis(): Promise<RedisServer> {
  await ensure(findRedis, () => installPackage("redis-server"));
  const program = await findRedis();
  if (program === undefined)
    throw new Unavailable("there is no redis-server (Debian: apt-get install redis-server)");
  const home = await mkdtemp(join(tmpdir(), "palaver-redis-"));
  const port = await freePort();
  const flags = ["--port", String(port), "--bind", "127.0.0.1", "--dir", home];
  const shell = spawn("/bin/sh", ["-c", supervisor, home, program, ...flags], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  try {
    await until(async () => (await ask(port, "PING")).startsWith("+PONG"), {
      what: "redis-server to start",
      deadlineMs: 30_000,
    });
  } catch (error) {
    await end(shell);
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    cpuUs: async () => {
      const info = await ask(port, "INFO cpu");
      const seconds = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)].map(([, each]) => Number(each));
      if (seconds.length !== 2) throw new Error(`redis-server says of its CPU time: ${info}`);
      return seconds.reduce((sum, each) => sum + each, 0) * 1_000_000;
    },
    [Symbol.asyncDispose]: () => end(shell),
  };
}

async function findRedis(): Promise<string | undefined> {
  for (const directory of [...pathDirectories(), "/usr/bin", "/usr/local/bin"]) {
    const program = join(directory, "redis-server");
    if (await isExecutable(program)) return program;
  }
  return undefined;
}

/** One inline command, and all of its answer. */
async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.setEncoding("utf8").end(`${command}\r\nQUIT\r\n`);
  let answer = "";
  for await (const chunk of socket as AsyncIterable<string>) answer += chunk;
  return answer;
}

async function end(shell: ChildProcess): Promise<void> {
  const ended = once(shell, "exit");
  shell.stdin?.end();
  await ended;
}
