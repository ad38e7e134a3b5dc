import type { TcpGate } from "../../surroundings/tcp-gate.js";
import type { Look } from "./look.js";

interface LinkUnderTest {
  /** As the manifest calls it. */
  readonly name: "store" | "bus" | "relay";
  readonly replica: string;
  readonly gate: TcpGate;
  /** How long it may take until somebody connects again. */
  readonly limitMs: number;
  /** Brings it about that something passes; then the link is cut. */
  readonly use: (signal: AbortSignal) => Promise<unknown>;
}

/**
 * Proves that a link is in the path: bytes pass, cutting it cuts a connection, and as soon as it is mended somebody connects again. A gate that the
 * target goes around would make every case that cuts it a lie.
 */
export function linkLook({ name, replica, gate, limitMs, use }: LinkUnderTest): Look {
  const { journal } = gate;
  return {
    about: `${replica} ${name} link`,
    need: "links",
    limitMs: 2 * limitMs,
    advice:
      name === "relay"
        ? `let ${replica} listen for its peers at {relay_listen}, and tell them {link.relay} as its address`
        : `give ${replica} {link.${name}} as its only way to the ${name}, and let it connect again when that breaks`,
    look: async (signal) => {
      await use(signal);
      const { passed } = journal.bytes;
      if (passed === 0) throw new Error("nothing passes it: the target goes another way");
      const before = journal.mark;
      const cut = gate.sever();
      try {
        if (cut === 0) throw new Error("there is no connection on it that could be cut");
      } finally {
        gate.mend();
      }
      if (journal.count("cut", before) === 0) throw new Error("cutting it cut nothing");
      await journal.seen("connected", { since: before, deadlineMs: limitMs });
      return `${passed} bytes have passed; ${cut} connections cut, and made again`;
    },
  };
}
