import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** What a process has used since its start, as it tells itself. */
export interface Usage {
  /** Of all its threads, in user and kernel mode. */
  readonly cpuUs: number;
  /** Bytes. */
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

export interface ChildOptions {
  /** The module to run, relative to the project. TypeScript is translated while it loads; what runs then is the same. */
  readonly module: string;
  readonly args?: readonly string[];
  /** All of its environment but the PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node's own, such as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** A Node process beside this one, which is asked for what it has used, and ends with this one. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  readonly #ended: Promise<void>;
  readonly #ready: Promise<void>;
  #asked = 0;
  #stderr = "";

  constructor({ module, args = [], env = {}, nodeOptions = [] }: ChildOptions) {
    const { PATH = "" } = process.env;
    const loader = module.endsWith(".ts") ? ["--import", "tsx"] : [];
    this.#process = fork(module, args, {
      cwd: root,
      env: { PATH, ...env },
      execArgv: ["--expose-gc", ...loader, "--import", "./bench/kit/meter.js", ...nodeOptions],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // In a group of its own: what ends us with Ctrl-C reaches it through us.
      detached: true,
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-64 * 1024);
    });
    let becameReady = (): void => undefined;
    this.#ready = new Promise((resolve) => (becameReady = resolve));
    this.#process.on("message", (message) => {
      if (message === "ready") return becameReady();
      const { id, result, error } = message as Answer;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(`${module}: ${error}`));
    });
    this.#ended = once(this.#process, "exit").then(() => {
      const error = new Error(`${module} ended: ${this.#stderr}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  /** What it has written to standard error, the last of it. */
  get stderr(): string {
    return this.#stderr;
  }

  /** What the first line on its standard output says, which is JSON. The rest is nobody's. May be asked for once. */
  async firstLine(): Promise<unknown> {
    const { stdout } = this.#process;
    if (stdout === null) throw new Error("its output is not piped");
    const lines = createInterface({ input: stdout });
    const line = await Promise.race([once(lines, "line"), this.#ended]);
    lines.close();
    stdout.resume();
    if (line === undefined) throw new Error(`ended before it was ready: ${this.#stderr}`);
    return JSON.parse(line[0] as string) as unknown;
  }

  /** With `collect`, after its garbage was collected. */
  usage({ collect = false } = {}): Promise<Usage> {
    return this.#ask<Usage>("usage", { collect });
  }

  /** What it answers (see `answerParent`). */
  async ask<T>(question: string, argument: object = {}): Promise<T> {
    // What is sent before somebody listens is lost.
    await Promise.race([this.#ready, this.#ended]);
    return this.#ask<T>(question, argument);
  }

  #ask<T>(question: string, argument: object): Promise<T> {
    const id = ++this.#asked;
    return new Promise<T>((resolve, reject) => {
      if (!this.#process.connected) return reject(new Error(`has ended: ${this.#stderr}`));
      this.#waiting.set(id, { resolve: (result) => resolve(result as T), reject });
      this.#process.send({ id, ask: question, argument });
    });
  }

  /** Asks it to end in order, and waits: for what it writes at its end. */
  async terminate(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
