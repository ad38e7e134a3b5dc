import { ChatErrorKind } from "../../../src/gen/palaver/chat/v1/error_pb.js";
import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { gate, httpError, text } from "../../surroundings/scripted-model/script.js";
import { type View, viewAfter } from "../../transcript/view.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import { defineCase } from "../../suite/cases/define-case.js";
import type { TargetReplica } from "../../suite/run/target.js";
import { getChat, send, textOf, told } from "../kit/chats.js";
import { shownText, talk, watchedChat } from "../kit/watched-turns.js";

type Context = CaseContext<"STREAM-2" | "STREAM-3">;

export const completeBeforeLive = defineCase({
  id: "snapshot/complete-before-live",
  title: "messages, queue, status, error, retry and what is shown of the running step precede caught_up",
  rules: ["STREAM-2", "STREAM-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M127",
  limitMs: 60_000,
  run: async (context) => {
    await inTheMiddleOfATurn(context);
    await afterAFailure(context);
    await whileWaitingForARetry(context);
  },
});

async function inTheMiddleOfATurn(context: Context): Promise<void> {
  const { arrange, check, model, replicaNamed } = context;
  const script = model.script([text("Good morning.")], [text("One two "), gate("middle"), text("three.")]);
  const { chat, watcher } = await watchedChat(context);
  const [hello, count] = [script.says("hello"), script.says("count")];
  await talk(context, watcher, hello);
  await arrange("a message", "response", () => send(context, chat.id, count));
  const { replica } = await arrange("the model is in the middle", "response", (signal) =>
    script.reached("middle", { signal }),
  );
  const waiting = ["wait", "and wait"];
  for (const words of waiting)
    await arrange("a message that waits", "response", () => send(context, chat.id, words));
  await arrange("what the model has said is shown", "response", (signal) =>
    watcher.until("the first half", (view) => shownText(view) === "One two ", { signal }),
  );
  // Another replica need not have the deltas yet when it is caught up.
  const snapshot = await join(context, chat.id, replicaNamed(replica));
  check("STREAM-2", "the snapshot has all there is of a chat in the middle of a turn", {
    expected: {
      status: ChatStatus.RUNNING,
      messages: [`user: ${hello}`, "assistant: Good morning.", `user: ${count}`],
      queue: waiting,
      shown: "One two ",
    },
    observed: {
      status: snapshot.status,
      messages: told(snapshot.messages.values()),
      queue: snapshot.queue.map(textOf),
      shown: shownText(snapshot),
    },
  });
}

async function afterAFailure(context: Context): Promise<void> {
  const { arrange, check, model } = context;
  const script = model.script([httpError(401, "no such key")]);
  const { chat, watcher } = await watchedChat(context);
  await arrange("a message", "response", () => send(context, chat.id, script.says("hello")));
  await arrange("the turn fails", "response", (signal) =>
    watcher.until("the error", (view) => view.status === ChatStatus.ERROR, { signal }),
  );
  const now = await arrange("the chat as it is", "response", () => getChat(context, chat.id));
  const snapshot = await join(context, chat.id);
  check("STREAM-2", "the snapshot of a failed chat has the error", {
    expected: { status: ChatStatus.ERROR, error: now.error, kind: ChatErrorKind.AUTH, messages: 1 },
    observed: {
      status: snapshot.status,
      error: snapshot.error,
      kind: snapshot.error?.kind,
      messages: snapshot.messages.size,
    },
  });
}

async function whileWaitingForARetry(context: Context): Promise<void> {
  const { arrange, check, client, model, waitFor, watch } = context;
  const script = model.script([httpError(503, "busy", { headers: { "retry-after": "50" } })]);
  const { chat, watcher } = await watchedChat(context);
  const { cursor } = watcher;
  await arrange("a message", "response", () => send(context, chat.id, script.says("hello")));
  await arrange("the first attempt fails", "response", (signal) =>
    watcher.until("the retry", (view) => view.retry, { signal }),
  );
  const now = await arrange("the chat as it is", "response", () => getChat(context, chat.id));
  const snapshot = await join(context, chat.id);
  check("STREAM-2", "the snapshot of a chat that waits for its next attempt has the retry", {
    expected: { status: now.status, retry: now.retry, attempt: 1, messages: 1 },
    observed: {
      status: snapshot.status,
      retry: snapshot.retry,
      attempt: snapshot.retry?.attempt,
      messages: snapshot.messages.size,
    },
  });
  const before = watch(chat.id, { cursor });
  const resumed = await waitFor(
    {
      rule: "STREAM-3",
      sentence: "who comes back from before the turn is caught up",
      happens: (signal) => before.caughtUp({ signal }),
    },
    "response",
  );
  check("STREAM-3", "and knows of the retry too, which no status that came before it takes back", {
    expected: { status: now.status, retry: now.retry },
    observed: { status: resumed.status, retry: resumed.retry },
  });
  await arrange("nobody waits for it", "response", () =>
    client().unary(ChatService.method.interruptChat, { chatId: chat.id }),
  );
}

/** What somebody who comes now is told before `caught_up`. */
async function join({ waitFor, watch }: Context, chatId: string, replica?: TargetReplica): Promise<View> {
  const late = watch(chatId, replica === undefined ? {} : { replica });
  await waitFor(
    {
      rule: "STREAM-2",
      sentence: "who comes late is caught up",
      happens: (signal) => late.caughtUp({ signal }),
    },
    "response",
  );
  const end = late.events.findIndex((event) => event.case === "caughtUp");
  return viewAfter(late.events.slice(0, end).map((event) => ({ event })));
}
