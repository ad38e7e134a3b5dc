import type { Chat } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import type { Message } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { RpcError, type RpcFailure } from "../../surroundings/clients/rpc-failure.js";
import { joinDelta, type JoinedPart, type JoinedStep, partsOf } from "../../transcript/joined-step.js";
import type { View } from "../../transcript/view.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import type { Watch, WatchEvent } from "../../suite/run/watch.js";
import type { ModelScript } from "../../surroundings/scripted-model/model-script.js";
import { createChat, type NewChat, send, type Sending } from "./chats.js";

/** Turns that a case begins with, and what watchers saw of them. */

type Watching = Pick<CaseContext, "arrange" | "client" | "modelName" | "watch">;

/** A new chat, with somebody who watches it and knows all there is. */
export async function watchedChat(
  context: Watching,
  newChat?: NewChat,
): Promise<{ readonly chat: Chat; readonly watcher: Watch }> {
  const { arrange, watch } = context;
  const chat = await arrange("a chat", "response", () => createChat(context, newChat));
  const watcher = watch(chat.id);
  await arrange("somebody watches it", "response", (signal) => watcher.caughtUp({ signal }));
  return { chat, watcher };
}

/** Says something in an idle chat, and waits until it was answered: by one message, or by as many as are `added`. */
export async function talk(
  context: Pick<CaseContext, "arrange" | "client">,
  watcher: Watch,
  text: string,
  { added = 2, ...sending }: Sending & { readonly added?: number } = {},
): Promise<void> {
  const before = watcher.view.messages.size;
  await context.arrange("a message", "response", () => send(context, watcher.chatId, text, sending));
  await context.arrange("its answer", "response", (signal) =>
    watcher.settled({ signal }, ({ messages }) => messages.size === before + added),
  );
}

/**
 * The same with a script whose first response stands at the gate "shown" when it has said everything: the watcher gets to see that, which is
 * `said` as text, before it goes on. What is said and committed at once need not be shown at all.
 */
export async function talkShown(
  context: Pick<CaseContext, "arrange" | "client">,
  watcher: Watch,
  turn: {
    readonly script: ModelScript;
    readonly asks: string;
    readonly said: string;
    readonly added?: number;
  },
): Promise<void> {
  const { script, asks, said, added = 2 } = turn;
  const before = watcher.view.messages.size;
  await context.arrange("a message", "response", () => send(context, watcher.chatId, script.says(asks)));
  await context.arrange("what the model says is shown", "response", (signal) =>
    // As long as it, for whether it is the same is what is judged.
    watcher.until("all of it", (view) => shownText(view).length >= said.length, { signal }),
  );
  script.open("shown");
  await context.arrange("the end of the turn", "response", (signal) =>
    watcher.settled({ signal }, ({ messages }) => messages.size === before + added),
  );
}

/** All that is shown of the step that runs, as text. */
export function shownText({ step }: Pick<View, "step">): string {
  return step === undefined
    ? ""
    : partsOf(step)
        .map(({ text }) => text)
        .join("");
}

/** What was shown of each episode, in order, also of those that were committed since. */
export function shownSteps(events: readonly WatchEvent[]): JoinedStep[] {
  const steps: JoinedStep[] = [];
  for (const event of events) {
    if (event.case !== "messagePart") continue;
    const last = steps.at(-1);
    const step = joinDelta(last, event.value);
    const isSame = last?.historyVersion === step.historyVersion && last.attempt === step.attempt;
    steps.splice(isSame ? -1 : steps.length, 1, step);
  }
  return steps;
}

/** Without what differs from run to run. */
export function partInWords({ kind, subject, text }: JoinedPart): string {
  const name = subject.split(" ").at(-1) ?? "";
  return [kind, name, text].filter((word) => word !== "").join(" ");
}

/** Why the target refused; undefined: it did not. Rejects when it has not answered at all. */
export async function refusalOf(call: Promise<unknown>): Promise<RpcFailure | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof RpcError && error.failure.origin === "target") return error.failure;
    throw error;
  }
}

/** As the documents name it: code and reason. */
export function refusalInWords(failure: RpcFailure | undefined): string {
  return failure === undefined ? "accepted" : `${failure.code} ${failure.reason ?? "without a reason"}`;
}

/** The messages as they came, each as often as it came. */
export function messagesTold(events: readonly WatchEvent[]): Message[] {
  return events.flatMap((event) =>
    event.case === "message" && event.value.message !== undefined ? [event.value.message] : [],
  );
}
