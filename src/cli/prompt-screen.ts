import {
  clearScreenDown,
  createInterface,
  cursorTo,
  type Interface,
  type Key,
  moveCursor,
} from "node:readline";
import type { Input, Output } from "./terminal.js";
import type { TextSink } from "./transcript-writer.js";

export interface PromptScreenOptions {
  readonly input: Input;
  readonly output: Output;
  readonly prompt: string;
  readonly onLine: (line: string) => void;
  /** Ctrl-C; `line` is what stands in the prompt. */
  readonly onInterrupt: (line: string) => void;
  /** Ctrl-D, or the input has ended. */
  readonly onEnd: () => void;
}

/**
 * A prompt below output that keeps coming. While output flows there is no prompt; the first key brings it, on a line of its own,
 * and holds the output back until the line is sent or emptied, so the two never mix.
 */
export class PromptScreen implements TextSink, Disposable {
  readonly #readline: Interface;
  readonly #input: Input;
  readonly #output: Output;
  /** Output flows, a prompt waits, or somebody types while output is held back. */
  #state: "flowing" | "prompting" | "typing" = "flowing";
  #busy = true;
  #held = "";
  #midLine = false;
  #closed = false;

  constructor({ input, output, prompt, onLine, onInterrupt, onEnd }: PromptScreenOptions) {
    this.#input = input;
    this.#output = output;
    // Ours has to come before readline's, which echoes the key.
    input.prependListener("keypress", this.#beforeKey);
    this.#readline = createInterface({ input, output, prompt, terminal: true, historySize: 200 });
    input.on("keypress", this.#afterKey);
    this.#readline.on("line", (text) => {
      this.#midLine = false; // readline has ended the line
      this.#state = "flowing";
      onLine(text);
      this.#flush();
      this.#settle();
    });
    this.#readline.on("SIGINT", () => onInterrupt(this.#readline.line));
    this.#readline.on("close", () => {
      if (!this.#closed) onEnd();
    });
  }

  /** Busy: output is expected, so there is no prompt until somebody types. Otherwise the prompt waits. */
  setBusy(busy: boolean): void {
    this.#busy = busy;
    this.#settle();
  }

  write(text: string): void {
    if (text === "") return;
    if (this.#state === "typing") {
      this.#held += text;
      return;
    }
    if (this.#state === "prompting") this.#erasePrompt();
    this.#emit(text);
    this.#settle();
  }

  /** Empties the line that somebody types. */
  clearLine(): void {
    this.#readline.write(null, { ctrl: true, name: "e" });
    this.#readline.write(null, { ctrl: true, name: "u" });
    this.#settle();
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#state !== "flowing") this.#erasePrompt();
    this.#input.removeListener("keypress", this.#beforeKey);
    this.#input.removeListener("keypress", this.#afterKey);
    this.#readline.close();
    this.#flush();
  }

  /** Brings the state in line with what is typed and whether output is expected. */
  #settle(): void {
    if (this.#closed) return;
    const empty = this.#readline.line === "";
    if (this.#state === "typing" && (empty || !this.#busy)) {
      this.#erasePrompt();
      this.#flush();
    }
    if (this.#state === "prompting" && this.#busy) {
      if (empty) this.#erasePrompt();
      else this.#state = "typing";
    }
    if (this.#state === "flowing" && !this.#busy) this.#showPrompt("prompting");
  }

  readonly #beforeKey = (_text: unknown, key: Key | undefined): void => {
    const typed =
      key?.name !== "return" &&
      key?.name !== "enter" &&
      !(key?.ctrl === true && (key.name === "c" || key.name === "d"));
    if (this.#state === "flowing" && typed) this.#showPrompt("typing");
  };

  readonly #afterKey = (): void => {
    if (this.#state === "typing") this.#settle();
  };

  #showPrompt(state: "prompting" | "typing"): void {
    if (this.#midLine) this.#emit("\n");
    this.#state = state;
    this.#readline.prompt(true);
  }

  /** Takes the prompt and what is typed off the screen, however many rows it has. */
  #erasePrompt(): void {
    if (this.#state === "flowing") return;
    const { rows } = this.#readline.getCursorPos();
    cursorTo(this.#output, 0);
    if (rows > 0) moveCursor(this.#output, 0, -rows);
    clearScreenDown(this.#output);
    this.#state = "flowing";
  }

  #flush(): void {
    const held = this.#held;
    this.#held = "";
    this.#emit(held);
  }

  #emit(text: string): void {
    if (text === "") return;
    this.#output.write(text);
    this.#midLine = !text.endsWith("\n");
  }
}
