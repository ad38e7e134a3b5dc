import type { ChatError } from "../../../src/gen/palaver/chat/v1/error_pb.js";
import { ChatErrorKind } from "../../../src/gen/palaver/chat/v1/error_pb.js";
import type { Finding, Invariant } from "./invariant.js";

const maxCursorBytes = 256;

export const everyMessageDecodes: Invariant = {
  id: "every-message-decodes",
  rules: ["STREAM-4"],
  sentence: "Every message decodes, tells at least one event, and has a cursor of at most 256 bytes.",
  check: ({ messages }) =>
    messages.flatMap(({ frame, response, problem }): Finding[] => {
      if (response === undefined) return [{ frame, observed: problem ?? "" }];
      const length = Buffer.byteLength(response.cursor);
      return [
        ...(response.events.length === 0 ? [{ frame, observed: "a response without events" }] : []),
        ...(length === 0 || length > maxCursorBytes
          ? [{ frame, observed: `a cursor of ${length} bytes` }]
          : []),
      ];
    }),
};

export const beginsWithStatus: Invariant = {
  id: "begins-with-status",
  rules: ["STREAM-1", "STREAM-2"],
  sentence: "Without a cursor, a subscription begins with status.",
  check: ({ transcript, events }) => {
    const first = events.find(({ event }) => event.case !== "keepalive");
    return transcript.cursor !== "" || first === undefined || first.event.case === "status"
      ? []
      : [{ frame: first.frame, observed: `it begins with ${first.event.case ?? "an unknown event"}` }];
  },
};

export const caughtUpOnce: Invariant = {
  id: "caught-up-once",
  rules: ["STREAM-2", "STREAM-3"],
  sentence: "caught_up comes at most once in a subscription.",
  check: ({ transcript: { subscriptions }, events }) =>
    events
      .filter(({ event }) => event.case === "caughtUp")
      .slice(subscriptions)
      .map(({ frame }) => ({ frame, observed: "caught_up once more" })),
};

export const nothingAfterEnd: Invariant = {
  id: "nothing-after-end",
  rules: ["STREAM-3"],
  sentence: "Nothing comes after the end.",
  check: ({ transcript: { frames } }) => {
    const isEnd = (kind: string): boolean => kind === "end" || kind === "trailers";
    const end = frames.findIndex(({ kind }) => isEnd(kind));
    return end === -1
      ? []
      : frames.flatMap(({ kind }, frame) =>
          frame > end && !(kind === "end" && frames[end]?.kind === "trailers")
            ? [{ frame, observed: `${kind} after the end` }]
            : [],
        );
  },
};

export const errorsExplain: Invariant = {
  id: "errors-explain",
  rules: ["ERR-1", "ERR-3"],
  sentence:
    "Every call that the target fails has a code, a reason and the domain palaver.dev; every error of a turn has a kind and a message.",
  check: ({ transcript: { frames }, events }) => [
    ...frames.flatMap((content, frame): Finding[] => {
      if (content.kind !== "end" || content.end.how !== "failed") return [];
      const { failure } = content.end;
      // What this side noticed itself is not the target's word.
      if (failure.origin === "client") return [];
      const { code, reason, domain, message } = failure;
      return (reason ?? "") !== "" && domain === "palaver.dev"
        ? []
        : [
            {
              frame,
              observed: `${code}, reason ${reason ?? "none"}, domain ${domain ?? "none"}: ${message}`,
            },
          ];
    }),
    ...events.flatMap(({ event, frame }): Finding[] => {
      if (event.case === "error") return chatErrorProblem(event.value.error, frame);
      return event.case === "retry" ? chatErrorProblem(event.value.retry?.error, frame) : [];
    }),
  ],
};

function chatErrorProblem(error: ChatError | undefined, frame: number): Finding[] {
  if (error !== undefined && error.kind !== ChatErrorKind.UNSPECIFIED && error.message !== "") return [];
  return [{ frame, observed: `an error of kind ${error?.kind ?? "none"}: ${error?.message ?? ""}` }];
}
