import type { Chat } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { CaseContext, Happening } from "../../suite/cases/case-context.js";
import type { As } from "../../suite/run/stage.js";
import type { TargetReplica } from "../../suite/run/target.js";
import type { Watch, WatchEvent } from "../../suite/run/watch.js";
import type { BusMessage } from "../../surroundings/bus/bus-observer.js";
import { gate, type Step, text } from "../../surroundings/scripted-model/script.js";
import { type RunningTurn, startTurn } from "./relays.js";

/** What cases do with several replicas of one service: who runs what, who watches where, and replicas that come and go. */

/** An answer that breaks off at the gate "middle" until it is opened. */
export const halfAnswer: readonly Step[] = [text("half an "), gate("middle"), text("answer")];

/** A new chat whose first turn, "go", stands at the gate "middle". The responses come one after the other. */
export async function heldTurn(
  context: Parameters<typeof startTurn>[0],
  ...responses: readonly (readonly Step[])[]
): Promise<RunningTurn> {
  const turn = await startTurn(context, ...responses);
  await context.arrange("its model is in the middle of the answer", "response", (signal) =>
    turn.script.reached("middle", { signal }),
  );
  return turn;
}

/** Somebody at each of these replicas who watches a chat and has all of it. */
export async function watchAt(
  { arrange, watch }: Pick<CaseContext, "arrange" | "watch">,
  chatId: string,
  replicas: readonly TargetReplica[],
): Promise<Watch[]> {
  const watchers = replicas.map((replica) => watch(chatId, { replica }));
  await arrange("somebody watches it at each replica", "response", (signal) =>
    Promise.all(watchers.map((watcher) => watcher.caughtUp({ signal }))),
  );
  return watchers;
}

/** For waits: it happens to all of them. */
export function all<T, R>(ones: readonly T[], happens: (one: T) => Happening<R>): Happening<R[]> {
  return (signal) => Promise.all(ones.map((one) => happens(one)(signal)));
}

export async function rename(
  { client }: Pick<CaseContext, "client">,
  chatId: string,
  title: string,
  as?: As,
): Promise<Chat | undefined> {
  const chat = { id: chatId, title };
  const { chat: renamed } = await client(as).unary(ChatService.method.updateChat, {
    chat,
    updateMask: { paths: ["title"] },
  });
  return renamed;
}

/** As soon as the watcher was told of that title. */
export function titled(title: string): (watcher: Watch) => Happening<unknown> {
  return (watcher) => (signal) =>
    watcher.until(`the title ${title}`, ({ chat }) => chat?.title === title, { signal });
}

/** What was told beside what proves nothing but that the stream lives, and besides new titles: kinds of events. */
export function beyondTitles(events: readonly WatchEvent[]): string[] {
  return events.flatMap(({ case: kind }) =>
    kind === "chatUpdate" || kind === "keepalive" ? [] : [kind ?? "an event that is not known here"],
  );
}

/** What the target itself has said of a chat on the bus, in order. */
export function announced({ bus }: Pick<CaseContext, "bus">, chatId: string): BusMessage[] {
  return bus.of(chatId).filter(({ isInjected }) => !isInjected);
}

/** Cuts the link of each of these replicas to the bus. Returns how many connections that hit at each. */
export function cutOffBus(
  { links, note }: Pick<CaseContext, "links" | "note">,
  replicas: readonly TargetReplica[],
): number[] {
  return replicas.map((replica) => {
    const cut = links(replica).bus.sever();
    note(`${cut} connections of ${replica.name} to the bus are cut`);
    return cut;
  });
}

/** All replicas end, as `how` says, and then new ones serve in their places. */
export async function replaceAll(
  { arrange, mayLose, process, target }: Pick<CaseContext, "arrange" | "mayLose" | "process" | "target">,
  how: "kill" | "terminate",
): Promise<void> {
  mayLose("all replicas end");
  await arrange("all replicas end", "response", () =>
    Promise.all(target.replicas.map((replica) => process(replica)[how]())),
  );
  for (const replica of target.replicas)
    await arrange(`a new ${replica.name} serves`, "start", () => process(replica).restart());
}
