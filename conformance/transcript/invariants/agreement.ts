import { equals } from "@bufbuild/protobuf";
import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatErrorSchema } from "../../../src/gen/palaver/chat/v1/error_pb.js";
import {
  type Message,
  MessageSchema,
  QueuedMessageSchema,
} from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { joinDelta, type JoinedStep } from "../joined-step.js";
import type { ReadTranscript } from "../transcript.js";
import { isSettled, type View, viewAfter } from "../view.js";
import type { JointFinding, JointInvariant } from "./invariant.js";

export const sameMessages: JointInvariant = {
  id: "same-messages",
  rules: ["STREAM-12"],
  sentence: "A message of one id and revision is the same for every subscriber.",
  check: (reads) => {
    const known = new Map<string, Message>();
    return reads.flatMap(({ events }, subscriber) =>
      events.flatMap(({ event, frame }): JointFinding[] => {
        const message = event.case === "message" ? event.value.message : undefined;
        if (message === undefined) return [];
        const key = `message ${message.id} of version ${message.revision}`;
        const before = known.get(key);
        known.set(key, before ?? message);
        return before === undefined || equals(MessageSchema, before, message)
          ? []
          : [{ subscriber, frame, observed: `${key} is not the same for all` }];
      }),
    );
  },
};

export const sameDeltas: JointInvariant = {
  id: "same-deltas",
  rules: ["STREAM-12", "STREAM-6"],
  sentence: "Of one block of one episode all subscribers see the same text, as far as they see it.",
  check: (reads) => {
    const longest = new Map<string, string>();
    return reads.flatMap((read, subscriber) =>
      stepsIn(read).flatMap(({ step, frame }) =>
        [...step.blocks].flatMap(([number, { kind, text }]): JointFinding[] => {
          const key = `block ${number} (${kind}) of episode ${step.historyVersion}/${step.attempt}`;
          const other = longest.get(key) ?? "";
          longest.set(key, text.length > other.length ? text : other);
          return text.startsWith(other) || other.startsWith(text)
            ? []
            : [{ subscriber, frame, observed: `${key} is not the same for all` }];
        }),
      ),
    );
  },
};

export const endsAgree: JointInvariant = {
  id: "ends-agree",
  rules: ["STREAM-12"],
  sentence: "Two subscribers end with the same history, queue and status.",
  check: (reads) => {
    const ends = reads.map(({ events }) => viewAfter(events));
    return ends.flatMap((end, subscriber) => {
      const [first] = ends;
      const difference = first === undefined ? undefined : differenceOf(first, end);
      const observed = [
        ...(isSettled(end) ? [] : [`it has not come to an end: ${inWords(end)}`]),
        ...(difference === undefined ? [] : [`it does not agree with the first: ${difference}`]),
      ];
      return observed.map((words) => ({ subscriber, frame: undefined, observed: words }));
    });
  },
};

/** What was shown of each episode, from its first delta, before it was taken back, committed or followed by another. */
function stepsIn({ events }: ReadTranscript): { step: JoinedStep; frame: number }[] {
  const steps: { step: JoinedStep; frame: number }[] = [];
  let shown: { step: JoinedStep; frame: number } | undefined;
  const end = (): void => {
    if (shown?.step.fromStart === true) steps.push(shown);
    shown = undefined;
  };
  for (const { event, frame } of events) {
    if (event.case === "messagePart") {
      const step = joinDelta(shown?.step, event.value);
      if (step.historyVersion !== shown?.step.historyVersion || step.attempt !== shown.step.attempt) end();
      shown = { step, frame };
    } else if (event.case === "message" || event.case === "previewReset" || event.case === "historyReset")
      end();
  }
  end();
  return steps;
}

function differenceOf(a: View, b: View): string | undefined {
  if (a.status !== b.status) return `${ChatStatus[a.status]} and ${ChatStatus[b.status]}`;
  const ids = new Set([...a.messages.keys(), ...b.messages.keys()]);
  for (const id of ids) {
    const [one, other] = [a.messages.get(id), b.messages.get(id)];
    if (one === undefined || other === undefined) return `only one has message ${id}`;
    if (!equals(MessageSchema, one, other)) return `message ${id}`;
  }
  if (
    a.queue.length !== b.queue.length ||
    a.queue.some((message, index) => {
      const other = b.queue[index];
      return other === undefined || !equals(QueuedMessageSchema, message, other);
    })
  )
    return "the queue";
  const sameError =
    a.error === undefined || b.error === undefined
      ? a.error === b.error
      : equals(ChatErrorSchema, a.error, b.error);
  return sameError ? undefined : "the error";
}

function inWords({ status, step, caughtUp }: View): string {
  return `${ChatStatus[status]}, ${step === undefined ? "nothing" : "a step"} under way, ${caughtUp ? "" : "not "}caught up`;
}
