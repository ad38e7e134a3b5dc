import type { ChatVersions } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import type { Part } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import type { Finding, Invariant } from "./invariant.js";

export const messageIdsGrow: Invariant = {
  id: "message-ids-grow",
  rules: ["MSG-1", "STREAM-11"],
  sentence:
    "Ids of messages are positive and never go back, but after history_reset, or for a message that is known and was written anew.",
  check: ({ transcript, events }) => {
    const findings: Finding[] = [];
    const revisions = new Map<bigint, bigint>();
    let last = transcript.cursor === "" ? transcript.afterMessageId : 0n;
    for (const { event, frame } of events) {
      if (event.case === "historyReset") {
        revisions.clear();
        last = 0n;
      }
      const message = event.case === "message" ? event.value.message : undefined;
      if (message === undefined) continue;
      const { id, revision } = message;
      const known = revisions.get(id);
      if (known !== undefined && revision < known)
        findings.push({ frame, observed: `message ${id} of version ${revision} after version ${known}` });
      else if (id < 1n || (known === undefined && id <= last))
        findings.push({ frame, observed: `message ${id} after ${last}` });
      revisions.set(id, revision);
      if (id > last) last = id;
    }
    return findings;
  },
};

export const noMessageTwice: Invariant = {
  id: "no-message-twice",
  rules: ["STREAM-11"],
  sentence: "No message comes twice in the same revision, but after history_reset.",
  check: ({ events }) => {
    const findings: Finding[] = [];
    const revisions = new Map<bigint, bigint>();
    for (const { event, frame } of events) {
      if (event.case === "historyReset") revisions.clear();
      const message = event.case === "message" ? event.value.message : undefined;
      if (message === undefined) continue;
      if (revisions.get(message.id) === message.revision)
        findings.push({ frame, observed: `message ${message.id} of version ${message.revision} again` });
      revisions.set(message.id, message.revision);
    }
    return findings;
  },
};

const aspects = ["historyVersion", "queueVersion", "retryVersion"] as const;

export const versionsGrow: Invariant = {
  id: "versions-grow",
  rules: ["CHAT-2", "CHAT-3"],
  sentence: "No version of a chat goes back, and none is newer than the chat's own.",
  check: ({ events }) => {
    const findings: Finding[] = [];
    let last: ChatVersions | undefined;
    for (const { event, frame } of events) {
      const versions = event.case === "chatUpdate" ? event.value.chat?.versions : undefined;
      if (versions === undefined) continue;
      for (const name of ["snapshotVersion", ...aspects] as const) {
        const before = last?.[name] ?? 0n;
        if (versions[name] < before)
          findings.push({ frame, observed: `${name} ${versions[name]} after ${before}` });
      }
      for (const name of aspects) {
        if (versions[name] > versions.snapshotVersion)
          findings.push({
            frame,
            observed: `${name} ${versions[name]} in snapshot version ${versions.snapshotVersion}`,
          });
      }
      last = versions;
    }
    return findings;
  },
};

export const partsWellFormed: Invariant = {
  id: "parts-well-formed",
  rules: ["PART-1", "PART-2", "PART-3"],
  sentence:
    "Each part of a committed message is of one kind, has what that kind requires, and its JSON is JSON.",
  check: ({ events }) =>
    events.flatMap(({ event, frame }) => {
      const message = event.case === "message" ? event.value.message : undefined;
      return (message?.parts ?? []).flatMap((part, index) => {
        const problem = problemOf(part);
        return problem === undefined
          ? []
          : [{ frame, observed: `part ${index} of message ${message?.id ?? 0n}: ${problem}` }];
      });
    }),
};

function problemOf({ kind, $unknown = [] }: Part): string | undefined {
  const missing = (fields: Readonly<Record<string, string>>): string | undefined =>
    Object.keys(fields).find((name) => fields[name] === "");
  const absent = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : `${name} is missing`;
  switch (kind.case) {
    case undefined:
      // A kind that is newer than this program is there as an unknown field.
      return $unknown.length > 0 ? undefined : "it is of no kind";
    case "toolCall": {
      const { toolCallId, toolName, argsJson } = kind.value;
      return absent(missing({ toolCallId, toolName })) ?? jsonProblem("argsJson", argsJson);
    }
    case "toolResult": {
      const { toolCallId, toolName, resultJson } = kind.value;
      return (
        absent(missing({ toolCallId, toolName, resultJson: resultJson ?? "" })) ??
        jsonProblem("resultJson", resultJson)
      );
    }
    case "file":
      return absent(missing({ mediaType: kind.value.mediaType }));
    case "fileReference":
      return absent(missing({ fileName: kind.value.fileName }));
    case "source":
      return absent(missing({ url: kind.value.url }));
    case "text":
    case "reasoning":
      return undefined;
    default:
      return kind satisfies never;
  }
}

function jsonProblem(name: string, json: string | undefined): string | undefined {
  try {
    if (json !== undefined) JSON.parse(json);
    return undefined;
  } catch {
    return `${name} is no JSON`;
  }
}
