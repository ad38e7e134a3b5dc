import {
  ChatService,
  type InterruptChatResponse,
  type SendMessageResponse,
} from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { Chat } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import type { MessagePartEvent } from "../../../src/gen/palaver/chat/v1/event_pb.js";
import type { Message, QueuedMessage } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import type { As } from "../../suite/run/stage.js";
import type { Watch, WatchEvent } from "../../suite/run/watch.js";
import { isObject } from "../../surroundings/scripted-model/dialect.js";
import type { ModelCall } from "../../surroundings/scripted-model/model-call.js";
import type { ModelScript } from "../../surroundings/scripted-model/model-script.js";
import { gate, type Step, text } from "../../surroundings/scripted-model/script.js";
import { send, told } from "./chats.js";
import { shownText, talk, watchedChat } from "./watched-turns.js";

/** Turns that are stopped in the middle, what waits for their end, and what the model was told. */

const { method } = ChatService;

/** A turn whose model stands at the gate "middle". */
export interface RunningTurn {
  readonly chat: Chat;
  readonly script: ModelScript;
  readonly call: ModelCall;
  /** Since before the first message; has seen all that the model has said. */
  readonly watcher: Watch;
}

export interface NewTurn {
  /** What the user says; default "count". */
  readonly asks?: string;
  /** What the model says before the gate; default "One two ". */
  readonly before?: readonly Step[];
  /** And after it; default "three four". */
  readonly after?: readonly Step[];
}

/** A new chat in the middle of its first turn. */
export async function runningTurn(
  context: Pick<CaseContext, "arrange" | "client" | "model" | "modelName" | "watch">,
  { asks = "count", before = [text("One two ")], after = [text("three four")] }: NewTurn = {},
): Promise<RunningTurn> {
  const { arrange, model } = context;
  const script = model.script([...before, gate("middle"), ...after]);
  const { chat, watcher } = await watchedChat(context);
  await arrange("a message", "response", () => send(context, chat.id, script.says(asks)));
  const call = await arrange("the model is in the middle of its answer", "response", (signal) =>
    script.reached("middle", { signal }),
  );
  const said = before
    .flatMap((step) => ("pieces" in step ? step.pieces : []))
    .filter((piece) => typeof piece === "string")
    .join("");
  if (said !== "")
    await arrange("the watcher has seen what the model has said", "response", (signal) =>
      watcher.until("all deltas", (view) => shownText(view) === said, { signal }),
    );
  return { chat, script, call, watcher };
}

/** Turns of a chat, one after the other: what is asked, and what the model answers. */
export async function takeTurns(
  context: Pick<CaseContext, "arrange" | "client" | "model">,
  watcher: Watch,
  turns: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [asked, answer] of Object.entries(turns))
    await talk(context, watcher, context.model.script([text(answer)]).says(asked));
}

/** For waits: nothing is under way any more, and the watcher knows so many messages. */
export function settledWith(watcher: Watch, count: number) {
  return (signal: AbortSignal) => watcher.settled({ signal }, ({ messages }) => messages.size === count);
}

export function interrupt(
  { client }: Pick<CaseContext, "client">,
  chatId: string,
  as?: As,
): Promise<InterruptChatResponse> {
  return client(as).unary(method.interruptChat, { chatId });
}

/** What waits, of a message that was sent to a busy chat. */
export function waiting({ outcome }: SendMessageResponse): QueuedMessage {
  if (outcome.case !== "queuedMessage") throw new Error("the message did not have to wait");
  return outcome.value;
}

/** A history in words, without the marks that find scripts. */
export function plainly(messages: Iterable<Message>): string[] {
  return told(messages).map(unmarked);
}

export function unmarked(marked: string): string {
  return marked.replaceAll(/ \[\[script:[^\]]*\]\]/g, "");
}

/** All deltas, in order. */
export function deltasOf(events: readonly WatchEvent[]): MessagePartEvent[] {
  return events.flatMap((event) => (event.case === "messagePart" ? [event.value] : []));
}

/** One message of a prompt. */
export interface Prompted {
  readonly role: string;
  readonly text: string;
  /** Ids of the tools' calls in it. */
  readonly calls: readonly string[];
  /** The call that it answers, if it is a tool's. */
  readonly answers: string | undefined;
}

/** The conversation in a call of the model in OpenAI's dialect, without the marks that find scripts, and instructions aside. */
export function promptOf({ body }: Pick<ModelCall, "body">): Prompted[] {
  return listOf(body["messages"]).flatMap((message) => {
    const { role, content, tool_calls: calls, tool_call_id: answers } = message;
    if (role === "system" || role === "developer") return [];
    const texts = typeof content === "string" ? [content] : listOf(content).map((part) => part["text"]);
    return [
      {
        role: String(role),
        text: unmarked(texts.filter((each) => typeof each === "string").join("")),
        calls: listOf(calls).map((call) => String(call["id"])),
        answers: typeof answers === "string" ? answers : undefined,
      },
    ];
  });
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
