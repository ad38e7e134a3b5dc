import { compareEpisodes } from "../../transcript/joined-step.js";
import { checkEnds, checkTranscript } from "../../transcript/check.js";
import { continued } from "../../transcript/transcript.js";
import { type View, viewAfter } from "../../transcript/view.js";
import type { MessagePartEvent } from "../../../src/gen/palaver/chat/v1/event_pb.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import type { Watch, WatchEvent } from "../../suite/run/watch.js";
import { createChat, type NewChat } from "./chats.js";

type Acting = Pick<CaseContext, "arrange" | "client" | "modelName" | "watch">;

/** A new chat, and somebody who watches it and has all of it. */
export async function watchedChat(
  context: Acting,
  options: NewChat = {},
): Promise<{ readonly chatId: string; readonly watcher: Watch }> {
  const { arrange, watch } = context;
  const { id: chatId } = await arrange("a chat", "response", () => createChat(context, options));
  const watcher = watch(chatId, options);
  await arrange("somebody watches it", "response", (signal) => watcher.caughtUp({ signal }));
  return { chatId, watcher };
}

/** Whether a view has so many messages: for {@link Watch.settled}. */
export function has(count: number): (view: View) => boolean {
  return ({ messages }) => messages.size === count;
}

export function deltasIn(events: readonly WatchEvent[]): MessagePartEvent[] {
  return events.flatMap((event) => (event.case === "messagePart" ? [event.value] : []));
}

/** The text that deltas show, joined as they came. */
export function shownText(events: readonly WatchEvent[]): string {
  return deltasIn(events)
    .map(({ part }) => (part?.kind.case === "text" ? part.kind.value.text : ""))
    .join("");
}

/** Which messages were told, in order, each with its revision. */
export function messagesIn(events: readonly WatchEvent[]): string[] {
  return events.flatMap((event) =>
    event.case === "message" ? [`${event.value.message?.id}@${event.value.message?.revision}`] : [],
  );
}

export function kindsOf(events: readonly WatchEvent[]): string[] {
  return events.map((event) => event.case ?? "an event that is not known here");
}

/** What a subscriber was told up to a response (counted from 0) and after it. */
export function splitAfter(
  watcher: Watch,
  response: number,
): { readonly before: readonly WatchEvent[]; readonly after: readonly WatchEvent[]; readonly view: View } {
  const eventsOf = (responses: Watch["responses"]) => responses.flatMap(({ events }) => events);
  const before = eventsOf(watcher.responses.slice(0, response + 1));
  const after = eventsOf(watcher.responses.slice(response + 1));
  return {
    before: before.map(({ event }) => event),
    after: after.map(({ event }) => event),
    view: viewAfter(before),
  };
}

/** Of the episode in which a view lies, the text of the deltas that come with these events. */
export function restOfEpisode({ step }: View, events: readonly WatchEvent[]): string {
  if (step === undefined) return "";
  const own = { historyVersion: step.historyVersion, generationAttempt: step.attempt };
  return deltasIn(events)
    .filter(({ episode }) => episode !== undefined && compareEpisodes(episode, own) === 0)
    .map(({ part }) => {
      switch (part?.kind.case) {
        case "text":
        case "reasoning":
          return part.kind.value.text;
        case "toolCall":
          return part.kind.value.argsDelta || `(${part.kind.value.argsJson})`;
        default:
          return "";
      }
    })
    .join("");
}

/** What is wrong with one who left after that response and came back, compared with one who never left. */
export function differences(stayed: Watch, response: number, resumed: Watch): string[] {
  const whole = continued(stayed.transcript, response, resumed.transcript);
  return [...checkTranscript(whole), ...checkEnds([stayed.transcript, whole])].map(
    ({ invariant, observed }) => `${invariant.id}: ${observed}`,
  );
}
