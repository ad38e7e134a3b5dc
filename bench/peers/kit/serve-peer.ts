import { answerParent } from "../../kit/answer-parent.js";
import { nowUs } from "../../kit/wire.js";
import { type Plan, sayPlan, textOf } from "./plan.js";
import { SharedSource } from "./shared-source.js";

/** What a peer's process is to do. */
export interface PeerServer {
  /** Where its readers find it. */
  readonly url: string;
  /**
   * Makes a stream ready, and says these deltas as they come, as fast as the peer takes them. Resolves with what readers have to know in
   * order to find it. What fails later ends the process.
   */
  readonly prepare: (deltas: () => AsyncIterable<string>) => Promise<string>;
}

/** In a peer's process: says plans when it is told to. */
export function servePeer({ url, prepare }: PeerServer): void {
  const streams = new Map<number, { go: () => void; end: () => void }>();
  let made = 0;
  const streamOf = ({ stream }: { stream: number }): { go: () => void; end: () => void } => {
    const found = streams.get(stream);
    if (found === undefined) throw new Error(`there is no stream ${stream}`);
    return found;
  };
  answerParent({
    url: () => url,
    prepare: async ({ plan }: { plan: Plan }) => {
      const text = textOf(plan);
      const went = latch();
      const ended = latch();
      const shared = new SharedSource();
      const address = await prepare(async function* () {
        await went.opened;
        // A model is asked once, also where each reader has a stream of its own.
        yield* plan.model === undefined ? sayPlan(plan, text) : shared.read();
        if (plan.stays === true) await ended.opened;
      });
      if (plan.model !== undefined) void went.opened.then(() => shared.fill(sayPlan(plan, text)));
      const stream = ++made;
      streams.set(stream, { go: went.open, end: ended.open });
      return { stream, address };
    },
    /** Resolves with when it began. */
    go: (argument: { stream: number }) => {
      const beganUs = nowUs();
      streamOf(argument).go();
      return beganUs;
    },
    end: (argument: { stream: number }) => {
      streamOf(argument).end();
      streams.delete(argument.stream);
    },
  });
}

function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
