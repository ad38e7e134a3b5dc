import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { GateConnection } from "./gate-connection.js";
import { GateJournal } from "./gate-journal.js";
import type { Address, GateMode, GateShape } from "./gate-mode.js";

/**
 * A TCP link that somebody can disturb: between a replica and its database, say. It passes everything until told otherwise, and writes down
 * what a disturbance touched, so that nobody takes one that hit nothing for a proof.
 */
export interface TcpGate extends AsyncDisposable {
  /** On 127.0.0.1, the same for the gate's whole life. */
  readonly port: number;
  readonly mode: GateMode;
  readonly journal: GateJournal;
  /** The connections that there are at this moment. */
  readonly connections: number;
  /** Where connections go that are made from now on; before the first target they are reset as if nobody listened. */
  setTarget(target: Address): void;
  /** Bytes wait from now on, in both directions. Returns how many connections are caught. */
  hold(): number;
  /** Ends a hold: what waited goes on, in order; who waited is connected. */
  release(): void;
  /** Resets all connections, and whoever makes one from now on. Returns how many were cut. */
  sever(): number;
  /** Swallows bytes from now on, in both directions. Returns how many connections are caught. */
  blackHole(): number;
  /**
   * Ends whatever disturbance there is, and the shaping too. A connection of which bytes were swallowed could only go on with a gap: it gets
   * a reset.
   */
  mend(): void;
  /** The speed of an open link, of the connections there are and those to come. */
  shape(shape: GateShape): void;
}

/** Opens a link on a free port of 127.0.0.1. The target may come later, when it is known. */
export async function openTcpGate(target?: Address): Promise<TcpGate> {
  const journal = new GateJournal();
  const connections = new Set<GateConnection>();
  let mode: GateMode = "open";
  let shape: GateShape = {};
  let serial = 0;

  const accept = (near: Socket): void => {
    serial += 1;
    const id = serial;
    if (mode === "severed") {
      journal.write("refused", id);
      near.on("error", () => undefined);
      near.resetAndDestroy();
      return;
    }
    const connection = new GateConnection({ id, near, target: () => target, journal, mode, shape });
    connections.add(connection);
    void connection.closed.then(() => connections.delete(connection));
  };
  const enter = (next: GateMode): number => {
    mode = next;
    journal.write("mode", undefined, next);
    const caught = connections.size;
    for (const connection of [...connections]) connection.enter(next);
    return caught;
  };
  const reshape = (next: GateShape): void => {
    shape = next;
    for (const connection of connections) connection.shape(next);
  };

  // A side that has closed may still listen: its end is one of the things that pass.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    journal,
    get mode() {
      return mode;
    },
    get connections() {
      return connections.size;
    },
    setTarget: (next) => {
      target = next;
    },
    hold: () => enter("held"),
    release: () => {
      if (mode === "held") enter("open");
    },
    sever: () => enter("severed"),
    blackHole: () => enter("black hole"),
    mend: () => {
      reshape({});
      enter("open");
    },
    shape: reshape,
    [Symbol.asyncDispose]: async () => {
      enter("severed");
      server.close();
      await once(server, "close");
    },
  };
}
