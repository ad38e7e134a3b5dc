import type { CaseContext } from "../../suite/cases/case-context.js";
import type { Watch } from "../../suite/run/watch.js";
import type { Step } from "../../surroundings/scripted-model/script.js";
import type { TcpGate } from "../../surroundings/tcp-gate.js";
import { begin, type RunningTurn, showing, silentAtFirst, startTurn } from "../kit/relays.js";

/** A turn that is shown at another replica. */
interface Shown {
  readonly turn: RunningTurn;
  /** At the turn's owner: what there is to be shown. */
  readonly witness: Watch;
  /** At another replica. */
  readonly watcher: Watch;
  /** From that to the owner. */
  readonly relay: TcpGate;
}

/** The turn runs, and is shown at another replica up to there: it is watched there before the model says anything, so a relay has brought that. */
export async function shownUpTo(
  context: CaseContext<never>,
  ending: string,
  ...responses: readonly (readonly Step[])[]
): Promise<Shown> {
  const { arrange, links, watch } = context;
  const turn = await startTurn(context, ...silentAtFirst(responses));
  const witness = watch(turn.chatId, { replica: turn.owner });
  const watcher = watch(turn.chatId, { replica: turn.others[0] });
  for (const each of [witness, watcher])
    await arrange("it is watched", "response", (signal) => each.caughtUp({ signal }));
  begin(turn);
  await arrange("a relay brings the turn", "relay_recovery", showing(watcher, ending));
  return { turn, witness, watcher, relay: links(turn.owner).relay };
}
