import type { ConnectError } from "@connectrpc/connect";
import type { Clock, Logger } from "../platform/index.js";
import { type Credential, credentialRevoked } from "./authenticate.js";
import { deadlineExceeded } from "./rpc-error.js";

/** How often the credentials of open streams are checked again (AUTH-3). With a verifier's own 10 s: 20 s in all. */
const recheckMs = 10_000;

/** One open stream's lifetime. Dispose when the stream has ended. */
export interface OpenStream extends Disposable {
  /** The request's own signal, or ours: aborted with the ConnectError that ends the stream. */
  readonly signal: AbortSignal;
}

/**
 * All streaming calls that run: ends them when the server stops (STREAM-15) or when their credential is no longer good
 * (AUTH-3). Unary calls are not here: they run to their end.
 */
export class OpenStreams implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #streams = new Map<AbortController, Credential | undefined>();
  readonly #stop = new AbortController();
  #rechecking: Promise<void> | undefined;
  #ended: ConnectError | undefined;

  constructor({ clock, logger }: { clock: Clock; logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  get count(): number {
    return this.#streams.size;
  }

  /** Registers a stream that has nothing but its request's signal. Without a credential it is never checked again. */
  open(requestSignal: AbortSignal, credential: Credential | undefined): OpenStream {
    const controller = new AbortController();
    const follow = (): void => controller.abort(requestSignal.reason);
    if (requestSignal.aborted) follow();
    else requestSignal.addEventListener("abort", follow, { once: true });
    const open = this.add(controller, credential);
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => {
        requestSignal.removeEventListener("abort", follow);
        open[Symbol.dispose]();
      },
    };
  }

  /** Registers a stream that ends when its controller aborts. `timeoutMs`: its deadline, unless somebody else watches that. */
  add(controller: AbortController, credential: Credential | undefined, timeoutMs?: number): Disposable {
    const deadline =
      timeoutMs === undefined
        ? undefined
        : this.#clock.timer(timeoutMs, () => controller.abort(deadlineExceeded()));
    this.#streams.set(controller, credential);
    if (this.#ended !== undefined) controller.abort(this.#ended);
    else if (credential?.recheck !== undefined) this.#rechecking ??= this.#recheckAll();
    return {
      [Symbol.dispose]: () => {
        deadline?.[Symbol.dispose]();
        this.#streams.delete(controller);
      },
    };
  }

  /** Ends every stream, and every one that is opened later, with `reason`. */
  endAll(reason: ConnectError): void {
    this.#ended ??= reason;
    for (const controller of this.#streams.keys()) controller.abort(this.#ended);
  }

  /** Resolves when the checks have ended. The streams themselves are left alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#rechecking;
  }

  async #recheckAll(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#clock.sleep(recheckMs, { signal }).catch(() => undefined);
      const recheckable = new Map<string, { credential: Credential; controllers: AbortController[] }>();
      for (const [controller, credential] of this.#streams) {
        const key = credential?.recheck?.key;
        if (credential === undefined || key === undefined) continue;
        const same = recheckable.get(key);
        if (same === undefined) recheckable.set(key, { credential, controllers: [controller] });
        else same.controllers.push(controller);
      }
      // One question per credential, however many streams it holds open.
      await Promise.all(
        [...recheckable.values()].map(async ({ credential, controllers }) => {
          if (await this.#stillValid(credential)) return;
          const reason = credentialRevoked();
          for (const controller of controllers) controller.abort(reason);
        }),
      );
    }
  }

  /** While nobody can tell, streams stay open: the database's failure revokes nothing. */
  async #stillValid({ caller, recheck }: Credential): Promise<boolean> {
    try {
      return (await recheck?.stillValid()) ?? true;
    } catch (error) {
      this.#logger.warn(
        { err: error, token_id: caller.tokenId },
        "cannot check again whether a token is still good",
      );
      return true;
    }
  }
}
