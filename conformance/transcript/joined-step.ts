import type { Episode, MessagePartEvent } from "../../src/gen/palaver/chat/v1/event_pb.js";
import type { Message, Part, Role } from "../../src/gen/palaver/chat/v1/message_pb.js";

/** What is shown of the step that runs: its deltas, joined. */
export interface JoinedStep {
  readonly historyVersion: bigint;
  readonly attempt: number;
  readonly role: Role;
  /** Whether its first delta is among them. */
  readonly fromStart: boolean;
  readonly lastSeq: bigint;
  /** By number. */
  readonly blocks: ReadonlyMap<number, JoinedPart>;
}

/** A part in words that can be compared: what kind, of what, and the text. */
export interface JoinedPart {
  readonly kind: string;
  /** Of calls and results; otherwise empty. */
  readonly subject: string;
  readonly text: string;
  /** False while its text may go on. */
  readonly isWhole: boolean;
}

export function joinDelta(step: JoinedStep | undefined, delta: MessagePartEvent): JoinedStep {
  const { historyVersion = 0n, generationAttempt = 0 } = delta.episode ?? {};
  const same = step?.historyVersion === historyVersion && step.attempt === generationAttempt;
  const blocks = new Map(same ? step.blocks : []);
  const part = describeDelta(blocks.get(delta.block), delta.part);
  if (part !== undefined) blocks.set(delta.block, part);
  return {
    historyVersion,
    attempt: generationAttempt,
    role: delta.role,
    fromStart: same ? step.fromStart : delta.firstSeq === 1n,
    lastSeq: delta.seq,
    blocks,
  };
}

/** The committed parts, in the same words. */
export function describeMessages(messages: readonly Pick<Message, "parts">[]): JoinedPart[] {
  return messages.flatMap(({ parts }) => parts.flatMap((part) => describeDelta(undefined, part) ?? []));
}

/** In the order of the committed message: that of the blocks, but a result of the provider's own tool stands right after its call. */
export function partsOf({ blocks }: Pick<JoinedStep, "blocks">): JoinedPart[] {
  const parts = [...blocks].sort(([a], [b]) => a - b).map(([, part]) => part);
  const calls = parts.filter(({ kind }) => kind === "call");
  const called = (part: JoinedPart): boolean =>
    part.kind === "result" && calls.some(({ subject }) => subject === part.subject);
  return parts
    .filter((part) => !called(part))
    .flatMap((part) =>
      part.kind === "call"
        ? [part, ...parts.filter((other) => called(other) && other.subject === part.subject)]
        : [part],
    );
}

/** Earlier first. */
export function compareEpisodes(
  a: Pick<Episode, "historyVersion" | "generationAttempt">,
  b: Pick<Episode, "historyVersion" | "generationAttempt">,
): number {
  if (a.historyVersion !== b.historyVersion) return a.historyVersion < b.historyVersion ? -1 : 1;
  return a.generationAttempt - b.generationAttempt;
}

/** Undefined for a kind of part that is newer than this program. */
function describeDelta(before: JoinedPart | undefined, part: Part | undefined): JoinedPart | undefined {
  const kind = part?.kind;
  const joined = (name: string, subject: string, text: string): JoinedPart => ({
    kind: name,
    subject,
    text: before?.kind === name && !before.isWhole ? before.text + text : text,
    isWhole: false,
  });
  switch (kind?.case) {
    case undefined:
      return undefined;
    case "text":
    case "reasoning":
      return joined(kind.case, "", kind.value.text);
    case "toolCall": {
      const subject = `${kind.value.toolCallId} ${kind.value.toolName}`;
      // What cannot be read as JSON is committed without arguments: then nothing but the call itself can be compared.
      if (kind.value.argsDelta !== "") return joined("call", subject, kind.value.argsDelta);
      return { kind: "call", subject, text: kind.value.argsJson ?? "", isWhole: true };
    }
    case "toolResult": {
      const subject = `${kind.value.toolCallId} ${kind.value.toolName}`;
      if (kind.value.resultDelta !== "") return joined("result", subject, kind.value.resultDelta);
      return { kind: "result", subject, text: kind.value.resultJson ?? "", isWhole: true };
    }
    case "file": {
      const { content } = kind.value;
      const text =
        content.case === "data" ? Buffer.from(content.value).toString("base64") : (content.value ?? "");
      return { kind: "file", subject: kind.value.mediaType, text, isWhole: true };
    }
    case "fileReference":
      return { kind: "fileReference", subject: kind.value.fileName, text: kind.value.content, isWhole: true };
    case "source":
      return { kind: "source", subject: kind.value.url, text: kind.value.title, isWhole: true };
    default:
      return kind satisfies never;
  }
}
