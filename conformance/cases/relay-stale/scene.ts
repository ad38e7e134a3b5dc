import type { CaseContext } from "../../suite/cases/case-context.js";
import type { TargetReplica } from "../../suite/run/target.js";
import type { Watch } from "../../suite/run/watch.js";
import { gate, type Step, text } from "../../surroundings/scripted-model/script.js";
import {
  begin,
  deltasTold,
  entered,
  holdDials,
  idleWith,
  type RunningTurn,
  showing,
  shownOver,
  startTwins,
} from "../kit/relays.js";

/** What the cases of this group have in common: a turn that is over for its watchers while a dial to its owner still hangs. */
interface Scene {
  readonly turn: RunningTurn;
  /** At the turn's owner. */
  readonly witness: Watch;
  /** Who watches, at every other replica. */
  readonly at: ReadonlyMap<Watch, TargetReplica>;
  /** Of the same owner, for fences. */
  readonly twin: RunningTurn;
}

/** What the old turn says after it is over for everybody but its model. */
export const stale = "STALE";

export const oldTurn: readonly Step[] = [text("old "), gate("old-model"), text(stale), gate("old-end")];
const nextTurn: readonly Step[] = [text("new "), gate("new-middle"), text("and more"), gate("new-end")];

/** The old turn runs, and its model says nothing yet. */
export async function oldTurnWaits(context: CaseContext<never>): Promise<Scene> {
  const { arrange, watch } = context;
  const [turn, twin] = await startTwins(context, oldTurn, nextTurn);
  const witness = watch(turn.chatId, { replica: turn.owner });
  await arrange("its owner is watched", "response", (signal) => witness.caughtUp({ signal }));
  return { turn, twin, witness, at: new Map() };
}

/** The old turn has said "old ", and its owner has read that. */
export async function oldTurnRuns(context: CaseContext<never>): Promise<Scene> {
  const scene = await oldTurnWaits(context);
  begin(scene.turn);
  await context.arrange("the owner has what the model said", "response", showing(scene.witness, "old "));
  return scene;
}

/** Everybody else watches. */
export function everybodyWatches({ watch }: Pick<CaseContext, "watch">, scene: Scene): Scene {
  const { chatId, others } = scene.turn;
  return { ...scene, at: new Map(others.map((replica) => [watch(chatId, { replica }), replica])) };
}

/** The old turn runs, and everybody else watches it, with a dial to its owner that hangs. What they are told meanwhile is not waited for. */
export async function dialsHang(context: CaseContext<never>): Promise<Scene> {
  const { arrange, links } = context;
  const begun = await oldTurnRuns(context);
  const { relay } = links(begun.turn.owner);
  const since = holdDials(relay);
  const scene = everybodyWatches(context, begun);
  await arrange(
    "each of them has a dial that hangs",
    "response",
    entered(relay, ({ event }) => event === "held", { since, count: scene.at.size }),
  );
  return scene;
}

/** The others leave and watch again, so that each of them dials just now. */
export async function watchedAnew(
  context: Pick<CaseContext, "arrange" | "watch">,
  scene: Scene,
): Promise<Scene> {
  const { arrange } = context;
  for (const watcher of scene.at.keys()) {
    watcher.cancel();
    await arrange("a watcher leaves", "response", (signal) => watcher.ended({ signal }));
  }
  const anew = everybodyWatches(context, scene);
  for (const [watcher, { name }] of anew.at)
    await arrange(`${name} is watched again`, "response", (signal) => watcher.caughtUp({ signal }));
  return anew;
}

type Rule = "RELAY-3";

/** The next turn is shown everywhere, as far as it has come. */
export async function nextIsShown(
  { waitFor }: Pick<CaseContext<Rule>, "waitFor">,
  { at }: Pick<Scene, "at">,
  ending: string,
): Promise<void> {
  for (const [watcher, { name }] of at)
    await waitFor(
      {
        rule: "RELAY-3",
        sentence: `the present owner's deltas are shown at ${name}`,
        happens: showing(watcher, ending),
      },
      "relay_recovery",
    );
}

/**
 * While the next turn is in its middle, the old turn speaks and what was held up is let go. All of the next turn is shown, and nothing else.
 * `fencedBy` is another turn of the old owner.
 */
export async function staleIsNotShown(
  context: CaseContext<Rule>,
  scene: Scene,
  { messages, letGo, fencedBy }: { messages: number; letGo: () => void; fencedBy: RunningTurn },
): Promise<void> {
  const { fence, links, never } = context;
  const { turn, at } = scene;
  await nextIsShown(context, scene, "new ");
  const marks = new Map([...at.keys()].map((watcher) => [watcher, watcher.events.length]));
  turn.script.open("old-model");
  letGo();
  await shownOver(context, fencedBy, { at: at.values(), ending: "old " });
  links(turn.owner).store.release();
  turn.script.open("new-middle");
  await nextIsShown(context, scene, "and more");
  turn.script.open("new-end");
  for (const [watcher, { name }] of at) {
    await fence(`the next turn has come to its end at ${name}`, "response", idleWith(watcher, messages));
    never(
      "RELAY-3",
      `after the late answer nothing but the rest of the next turn is shown at ${name}`,
      othersThan("and more", watcher, marks.get(watcher)),
    );
  }
}

/** What deltas and resets have told since then, unless the last text before has just gone on like this. */
function othersThan(rest: string, { events }: Watch, since = 0): string[] {
  const before = deltasTold(events.slice(0, since));
  const all = deltasTold(events);
  const news = all.slice(Math.max(0, before.length - 1));
  const expected = `${before.at(-1) ?? ""}${rest}`;
  return news.length === 1 && news[0] === expected ? [] : news;
}
