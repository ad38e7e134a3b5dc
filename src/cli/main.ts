#!/usr/bin/env node
import { systemClock, systemRandom } from "../platform/index.js";
import { runCli } from "./program.js";

let outlivesReaders = false;
// A reader that goes away (`palaver ls | head`) has seen what it wanted.
for (const output of [process.stdout, process.stderr]) {
  output.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (!outlivesReaders) process.exit(0);
  });
}

function onSignal(signal: NodeJS.Signals, callback: () => void): Disposable {
  process.on(signal, callback);
  return { [Symbol.dispose]: () => void process.removeListener(signal, callback) };
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  random: systemRandom,
  onInterrupt: (callback) => onSignal("SIGINT", callback),
  onTerminate: (callback) => onSignal("SIGTERM", callback),
  exitNow: (code) => process.exit(code),
  outliveReaders: () => {
    outlivesReaders = true;
  },
});
// What a library has left open, such as a socket on which nothing ever came, must not keep a command that is done.
systemClock.timer(2_000, () => process.exit());
