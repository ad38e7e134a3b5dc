import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { gate, httpError, text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { interrupt } from "../kit/turns.js";
import { watchedChat } from "../kit/watched-turns.js";

/** These may be passed over: nothing holds a chat in them. */
const brief: ReadonlySet<ChatStatus> = new Set([ChatStatus.PENDING, ChatStatus.INTERRUPTING]);

export const legalTransitions = defineCase({
  id: "status/legal-transitions",
  title: "the status goes from each to the next as the transition table says",
  rules: ["CHAT-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M203",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, model, waitFor } = context;
    const { chat, watcher } = await watchedChat(context);
    const seen = (status: ChatStatus, times: number) => (signal: AbortSignal) =>
      watcher.until(
        `${ChatStatus[status]}, ${times} times`,
        (_, events) =>
          events.filter((event) => event.case === "status" && event.value.status === status).length >= times,
        { signal },
      );
    const turns = [
      { script: model.script([gate("middle"), text("Done.")]), ends: ChatStatus.WAITING, stop: false },
      { script: model.script([gate("middle")]), ends: ChatStatus.WAITING, stop: true },
      {
        script: model.script([gate("middle"), httpError(401, "who are you?")]),
        ends: ChatStatus.ERROR,
        stop: false,
      },
      { script: model.script([gate("middle"), text("Again.")]), ends: ChatStatus.WAITING, stop: false },
    ];
    const expected = [ChatStatus.WAITING];
    for (const [index, { script, ends, stop }] of turns.entries()) {
      await arrange(`message ${index + 1}`, "response", () => send(context, chat.id, script.says("go")));
      expected.push(ChatStatus.RUNNING);
      await waitFor(
        {
          rule: "CHAT-1",
          sentence: `turn ${index + 1} is seen to run`,
          happens: seen(ChatStatus.RUNNING, index + 1),
        },
        "response",
      );
      await arrange("the model was asked", "response", (signal) => script.reached("middle", { signal }));
      if (stop) await arrange("an interrupt", "response", () => interrupt(context, chat.id));
      else script.open("middle");
      expected.push(ends);
      await waitFor(
        {
          rule: "CHAT-1",
          sentence: `turn ${index + 1} is seen to end`,
          happens: seen(ends, expected.filter((status) => status === ends).length),
        },
        "response",
      );
    }
    const statuses = watcher.events.flatMap((event) => (event.case === "status" ? [event.value.status] : []));
    check("CHAT-1", "each turn is run and ended, in order", {
      expected: inWords(expected),
      observed: inWords(statuses.filter((status) => !brief.has(status))),
    });
    const before = (status: ChatStatus): string[] =>
      inWords(statuses.flatMap((each, index) => (each === status ? (statuses[index - 1] ?? []) : [])));
    check("CHAT-1", "only an idle chat, or one whose worker has left, becomes pending", {
      expected: "WAITING, RUNNING or ERROR",
      observed: before(ChatStatus.PENDING),
      holds: before(ChatStatus.PENDING).every((status) => /^(WAITING|RUNNING|ERROR)$/.test(status)),
    });
    check("CHAT-1", "only what runs is interrupted", {
      expected: "RUNNING",
      observed: before(ChatStatus.INTERRUPTING),
      holds: before(ChatStatus.INTERRUPTING).every((status) => status === "RUNNING"),
    });
  },
});

function inWords(statuses: readonly ChatStatus[]): string[] {
  return statuses.map((status) => ChatStatus[status]);
}
