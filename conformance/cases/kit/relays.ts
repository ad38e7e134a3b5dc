import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import type { TargetReplica } from "../../suite/run/target.js";
import type { Watch, WatchEvent } from "../../suite/run/watch.js";
import type { GateEntry } from "../../surroundings/gate-journal.js";
import type { ModelScript } from "../../surroundings/scripted-model/model-script.js";
import { gate, type Step } from "../../surroundings/scripted-model/script.js";
import type { TcpGate } from "../../surroundings/tcp-gate.js";
import type { View } from "../../transcript/view.js";
import { createChat, textPart } from "./chats.js";

/** What cases do with turns that are shown by another replica than the one that runs them. */

/** A chat whose first turn runs. */
export interface RunningTurn {
  readonly chatId: string;
  readonly script: ModelScript;
  /** Who runs it. */
  readonly owner: TargetReplica;
  /** What they show of it comes over the owner's relay link. */
  readonly others: readonly [TargetReplica, ...TargetReplica[]];
}

type Scene = Pick<
  CaseContext,
  "arrange" | "client" | "model" | "modelName" | "note" | "precondition" | "replicaNamed" | "target" | "use"
>;

/** A chat is made, and somebody runs it: from then on it is known who watches it from elsewhere. */
export async function startTurn(
  context: Scene,
  ...responses: readonly (readonly Step[])[]
): Promise<RunningTurn> {
  const { arrange, model, note, replicaNamed, target } = context;
  const script = model.script(...responses);
  leaveNothingWaiting(context, script, responses);
  const chat = await arrange("a chat", "response", () => createChat(context, { says: script.says("go") }));
  const call = await arrange("its turn runs", "response", (signal) => script.call(0, { signal }));
  const owner = replicaNamed(call.replica);
  const [first, ...more] = target.replicas.filter((replica) => replica !== owner);
  if (first === undefined) throw new Error("the case needs a replica that does not run the turn");
  note(`${owner.name} runs it`);
  return { chatId: chat.id, script, owner, others: [first, ...more] };
}

/**
 * Two turns of the same script that one replica runs: among one more turns than there are replicas there are two such. In both the model says
 * nothing yet: {@link begin} lets it. The second is for {@link shownOver}.
 */
export async function startTwins(
  context: Scene,
  ...responses: readonly (readonly Step[])[]
): Promise<readonly [RunningTurn, RunningTurn]> {
  const turns: RunningTurn[] = [];
  for (;;) {
    const turn = await startTurn(context, ...silentAtFirst(responses));
    const twin = turns.find(({ owner }) => owner === turn.owner);
    if (twin !== undefined) return [twin, turn];
    turns.push(turn);
  }
}

/** Lets the model say what it has to say first: to those who watch already it can only come as it is generated. */
export function begin({ script }: Pick<RunningTurn, "script">): void {
  script.open(beginning);
}

const beginning = "begin";

/** The same, after a gate. */
export function silentAtFirst([
  first = [],
  ...more
]: readonly (readonly Step[])[]): readonly (readonly Step[])[] {
  return [[gate(beginning), ...first], ...more];
}

/**
 * A turn that this very replica runs: who takes a turn is chance, so others may be started first, which end at once. One that could not reach its
 * store for a while takes none until it knows again that it may. In it the model says nothing yet, see {@link begin}.
 */
export async function turnOf(
  context: Scene,
  owner: TargetReplica,
  ...responses: readonly (readonly Step[])[]
): Promise<RunningTurn> {
  for (let left = 300; left > 0; left -= 1) {
    const silent = silentAtFirst(responses);
    const turn = await startTurn(context, ...silent);
    if (turn.owner === owner) return turn;
    openAll(turn.script, silent);
  }
  context.precondition(`${owner.name} takes a turn`, false);
  throw new Error("a precondition that does not hold ends the run");
}

/**
 * The next turn begins while the old owner's words to the store wait: so another replica runs it, and the old one does not know yet that it has
 * lost the chat. Without `begin` it is the takeover when the lease has ended. Returns who runs it.
 */
export async function nextTurnElsewhere(
  { arrange, links, precondition, replicaNamed }: CaseContext<never>,
  { script, owner }: RunningTurn,
  begin: (() => Promise<unknown>) | undefined,
): Promise<TargetReplica> {
  links(owner).store.hold();
  if (begin !== undefined) await arrange("the next turn begins", "response", begin);
  // What the owner had under way in its store at that moment, such as a look for work, may keep the chat locked for a while.
  const call = await arrange("it runs", "lease", (signal) => script.call(1, { signal }));
  precondition(`another replica than ${owner.name} runs it`, call.replica !== owner.name);
  return replicaNamed(call.replica);
}

/** By way of somebody else than its owner, the turn's first message is replaced, and with that the old turn is void. */
export function edited(
  { client }: Pick<CaseContext, "client">,
  { chatId, script, others }: RunningTurn,
  witness: Watch,
): Promise<unknown> {
  const [messageId = 0n] = witness.view.messages.keys();
  return client({ replica: others[0] }).unary(ChatService.method.editMessage, {
    chatId,
    messageId,
    parts: [textPart(script.says("go on"))],
  });
}

/** No call of the script is left at a gate when the run is over. */
function leaveNothingWaiting(
  { use }: Pick<CaseContext, "use">,
  script: ModelScript,
  responses: readonly (readonly Step[])[],
): void {
  use({ [Symbol.dispose]: () => openAll(script, responses) });
}

function openAll(script: ModelScript, responses: readonly (readonly Step[])[]): void {
  for (const step of responses.flat()) if (step.kind === "gate") script.open(step.name);
}

/** Cuts the connections there are and holds the next dial, in one go. Returns where the journal was. */
export function holdDials(relay: TcpGate): number {
  const { mark } = relay.journal;
  relay.sever();
  relay.hold();
  return mark;
}

/** Cuts the connections there are; the link is there for the next dial. Returns how many it were. */
export function drop(relay: TcpGate): number {
  const cut = relay.sever();
  relay.mend();
  return cut;
}

/** As soon as so many entries since the mark are `wanted`. */
export function entered(
  { journal }: Pick<TcpGate, "journal">,
  wanted: (entry: GateEntry) => boolean,
  { since, count = 1 }: { readonly since: number; readonly count?: number },
): (signal: AbortSignal) => Promise<readonly GateEntry[]> {
  return (signal) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = journal.entries.slice(since).filter(wanted);
        if (found.length < count) return;
        listening[Symbol.dispose]();
        resolve(found);
      };
      const listening = journal.listen(look);
      signal.addEventListener("abort", () => {
        listening[Symbol.dispose]();
        const found = journal.entries.slice(since).filter(wanted).length;
        reject(new Error(`${found} of ${count} were seen on the link`));
      });
      look();
    });
}

/** As soon as what is shown of the running step ends like this. */
export function showing(watch: Watch, ending: string): (signal: AbortSignal) => Promise<View> {
  return (signal) =>
    watch.until(`deltas up to "${ending}"`, (view) => shownBy(view).endsWith(ending) && view, { signal });
}

/** As soon as the chat is idle and has so many messages. */
export function idleWith(watch: Watch, count: number): (signal: AbortSignal) => Promise<View> {
  return (signal) =>
    watch.settled(
      { signal },
      ({ messages, status }) => messages.size === count && status === ChatStatus.WAITING,
    );
}

/** The text of all deltas of the running step, joined. */
function shownBy({ step }: View): string {
  return [...(step?.blocks.values() ?? [])].map(({ text }) => text).join("");
}

/**
 * The text of the deltas, joined for each episode; `reset` where what was shown was taken back. An attempt that was over before anything of it was
 * shown is none of these. A delta that came twice or is missing is told by its numbers.
 */
export function deltasTold(events: readonly WatchEvent[]): string[] {
  const told: string[] = [];
  let last: { readonly episode: string; readonly seq: bigint } | undefined;
  for (const event of events) {
    if (event.case === "previewReset") {
      if (last !== undefined) told.push("reset");
      last = undefined;
    }
    if (event.case !== "messagePart") continue;
    const { episode, firstSeq, seq, part } = event.value;
    const name = `${episode?.historyVersion}/${episode?.generationAttempt}`;
    const before = last?.episode === name ? last.seq : 0n;
    const text = part?.kind.case === "text" ? part.kind.value.text : `[${part?.kind.case}]`;
    const words = firstSeq === before + 1n ? text : `[${firstSeq} after ${before}]${text}`;
    if (last?.episode === name) told.push(`${told.pop() ?? ""}${words}`);
    else told.push(words);
    last = { episode: name, seq };
  }
  return told;
}

/**
 * A fence: whatever the owner had sent to those replicas over its relay link before has arrived. What a twin of the turn begins to say only now, while it
 * is watched there, is shown there: it has come over the same link.
 */
export async function shownOver(
  { arrange, fence, watch }: Pick<CaseContext, "arrange" | "fence" | "watch">,
  twin: RunningTurn,
  { at, ending }: { readonly at: Iterable<TargetReplica>; readonly ending: string },
): Promise<void> {
  const watchers = [...at].map((replica) => ({ replica, watcher: watch(twin.chatId, { replica }) }));
  for (const { watcher } of watchers)
    await arrange("another turn is watched", "response", (signal) => watcher.caughtUp({ signal }));
  begin(twin);
  for (const { replica, watcher } of watchers)
    await fence(
      `what another turn of ${twin.owner.name} shows has come to ${replica.name}`,
      "relay_recovery",
      showing(watcher, ending),
    );
}
