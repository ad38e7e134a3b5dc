import { connect, type Socket } from "node:net";
import { type FlowEvents, GateFlow } from "./gate-flow.js";
import type { GateEvent, GateJournal } from "./gate-journal.js";
import type { Address, GateMode, GateShape } from "./gate-mode.js";

export interface GateConnectionOptions {
  readonly id: number;
  /** Who connected. */
  readonly near: Socket;
  /** Asked when the connection is let through. */
  readonly target: () => Address | undefined;
  readonly journal: GateJournal;
  readonly mode: GateMode;
  readonly shape: GateShape;
}

/** Who connected, and the target. */
type Side = "near" | "far";

/** One connection through a link: two sockets, and a flow for each direction. The far socket is dialed when the link is open. */
export class GateConnection {
  /** Resolves when no socket of it is left. */
  readonly closed: Promise<void>;
  readonly #options: GateConnectionOptions;
  readonly #near: Socket;
  readonly #there: GateFlow;
  #far: Socket | undefined;
  #back: GateFlow | undefined;
  #mode: GateMode;
  #shape: GateShape;
  /** A part of it is missing: it must not go on. */
  #hasGap = false;
  /** What was written down since the mode began: once for each. */
  readonly #told = new Set<GateEvent>();
  readonly #closedSides = new Set<Side>();
  readonly #resolveClosed: () => void;

  constructor(options: GateConnectionOptions) {
    let resolveClosed = (): void => undefined;
    this.closed = new Promise((resolve) => (resolveClosed = resolve));
    this.#resolveClosed = resolveClosed;
    this.#options = options;
    this.#near = options.near;
    this.#mode = options.mode;
    this.#shape = options.shape;
    this.#note("accepted");
    this.#there = this.#flow(this.#near, "near");
    this.#watch(this.#near, "near");
    if (this.#mode === "held") this.#tell("held");
    if (this.#mode === "black hole") this.#lose(0);
    this.#dialIfOpen();
  }

  enter(mode: GateMode): void {
    this.#mode = mode;
    this.#told.clear();
    if (mode === "severed" || (mode === "open" && this.#hasGap)) return this.#cut();
    if (mode === "held" && !this.#isConnected()) this.#tell("held");
    this.#there.enter(mode);
    this.#back?.enter(mode);
    this.#dialIfOpen();
  }

  shape(shape: GateShape): void {
    this.#shape = shape;
    this.#there.shape(shape);
    this.#back?.shape(shape);
  }

  #dialIfOpen(): void {
    if (this.#mode !== "open" || this.#far !== undefined || this.#near.destroyed) return;
    const target = this.#options.target();
    if (target === undefined) {
      this.#note("unreachable");
      return this.#reset();
    }
    const far = connect({ ...target, allowHalfOpen: true, noDelay: true });
    this.#far = far;
    this.#watch(far, "far");
    far.once("connect", () => {
      this.#note("connected");
      this.#back = this.#flow(far, "far");
      this.#back.into(this.#near);
      this.#there.into(far);
    });
  }

  #isConnected(): boolean {
    return this.#back !== undefined;
  }

  #flow(source: Socket, side: Side): GateFlow {
    const { bytes } = this.#options.journal;
    const events: FlowEvents = {
      passed: (count) => void (bytes.passed += count),
      held: (count) => {
        bytes.held += count;
        this.#tell("held");
      },
      swallowed: (count) => this.#lose(count),
      ended: () => this.#noteClosed(side),
    };
    return new GateFlow(source, { mode: this.#mode, shape: this.#shape, events });
  }

  /** The end of one socket, where it is not the orderly one that flows pass on, is the end of both: as soon as anything can pass. */
  #watch(socket: Socket, side: Side): void {
    let failed = false;
    socket.on("error", () => {
      failed = true;
      if (side === "far" && !this.#isConnected()) this.#note("unreachable");
      else this.#noteClosed(side);
    });
    socket.on("close", () => {
      const other = side === "near" ? this.#far : this.#near;
      if (other === undefined || other.destroyed) return this.#finish();
      // Both directions were ended in order, and the last bytes may still be on their way to the other side.
      if (!failed) return;
      if (this.#mode === "open") this.#reset();
      else this.#lose(0);
    });
  }

  #lose(count: number): void {
    this.#hasGap = true;
    this.#options.journal.bytes.swallowed += count;
    if (this.#mode === "black hole") this.#tell("swallowed");
  }

  #cut(): void {
    this.#note("cut");
    this.#reset();
  }

  #reset(): void {
    for (const socket of [this.#near, this.#far]) {
      if (socket === undefined || socket.destroyed) continue;
      // The system resets no socket whose end is under way to it, and Node would hold on to that forever.
      const isEnding = socket.writableEnded && !socket.writableFinished;
      if (socket.connecting || isEnding) socket.destroy();
      else socket.resetAndDestroy();
    }
    this.#finish();
  }

  #finish(): void {
    this.#there.stop();
    this.#back?.stop();
    this.#resolveClosed();
  }

  #noteClosed(side: Side): void {
    if (this.#closedSides.has(side)) return;
    this.#closedSides.add(side);
    this.#note("closed", side);
  }

  #tell(event: GateEvent): void {
    if (this.#told.has(event)) return;
    this.#told.add(event);
    this.#note(event);
  }

  #note(event: GateEvent, detail?: string): void {
    this.#options.journal.write(event, this.#options.id, detail);
  }
}
