import type { MessagePartEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { Part, Role } from "../gen/palaver/chat/v1/message_pb.js";
import { compareEpisodes, type EpisodeId, episodeOf } from "./position.js";

/** The step that is being generated, as far as its deltas have come. */
export interface RunningStep {
  readonly episode: EpisodeId;
  /** The role of the message that is being generated. */
  readonly role: Role;
  /**
   * The parts of the message so far, in its order. What is incomplete is a part too: text ends where it has come to, and a tool call without
   * `args_json` has its arguments' text up to now in `args_delta`.
   */
  readonly parts: readonly Part[];
  /** The same by blocks, in their order. */
  readonly blocks: readonly StepBlock[];
}

/** Deltas of one block, joined. */
export interface StepBlock {
  readonly number: number;
  readonly part: Part;
}

/** The step after one more delta. One of a newer episode begins anew. Parts that the delta does not touch keep their identity. */
export function addDelta(step: RunningStep | undefined, delta: MessagePartEvent): RunningStep {
  const episode = episodeOf(delta);
  const current = step !== undefined && compareEpisodes(step.episode, episode) === 0 ? step : undefined;
  const blocks = addToBlocks(current?.blocks ?? [], delta);
  return { episode: current?.episode ?? episode, role: delta.role, blocks, parts: inOrder(blocks) };
}

function addToBlocks(
  blocks: readonly StepBlock[],
  { block: number, part }: MessagePartEvent,
): readonly StepBlock[] {
  // A kind of part that is newer than this program (PART-1).
  if (part?.kind.case === undefined) return blocks;
  const index = blocks.findLastIndex((block) => block.number <= number);
  const before = blocks[index];
  return before?.number === number
    ? blocks.with(index, { number, part: join(before.part, part) })
    : blocks.toSpliced(index + 1, 0, { number, part });
}

/** The order of the committed message: that of the blocks, but a result of a tool that the provider ran stands right after its call. */
function inOrder(blocks: readonly StepBlock[]): readonly Part[] {
  const parts = blocks.map(({ part }) => part);
  const results = parts.filter((part) => resultOf(part) !== undefined);
  if (results.length === 0) return parts;
  const calls = new Set(parts.map(callIdOf));
  return parts
    .filter((part) => resultOf(part) === undefined || !calls.has(resultOf(part)))
    .flatMap((part) => {
      const id = callIdOf(part);
      return id === undefined ? [part] : [part, ...results.filter((result) => resultOf(result) === id)];
    });
}

/** The call that this is, or undefined. */
function callIdOf({ kind }: Part): string | undefined {
  return kind.case === "toolCall" ? kind.value.toolCallId : undefined;
}

/** The call whose result this is, if the provider ran the tool. */
function resultOf({ kind }: Part): string | undefined {
  return kind.case === "toolResult" && kind.value.providerExecuted ? kind.value.toolCallId : undefined;
}

/** A part and the next fragment of the same block. A fragment that completes its part, or is of another kind, takes its place. */
function join(part: Part, fragment: Part): Part {
  const { kind: before } = part;
  const { kind: next } = fragment;
  if (before.case === "text" && next.case === "text") {
    const text = before.value.text + next.value.text;
    return { ...part, kind: { case: "text", value: { ...before.value, text } } };
  }
  if (before.case === "reasoning" && next.case === "reasoning") {
    const text = before.value.text + next.value.text;
    const { startedAt = next.value.startedAt } = before.value;
    const { completedAt = before.value.completedAt } = next.value;
    const times = {
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(completedAt === undefined ? {} : { completedAt }),
    };
    return { ...part, kind: { case: "reasoning", value: { ...before.value, ...times, text } } };
  }
  if (before.case === "toolCall" && next.case === "toolCall" && next.value.argsDelta !== "") {
    const argsDelta = before.value.argsDelta + next.value.argsDelta;
    return { ...part, kind: { case: "toolCall", value: { ...before.value, argsDelta } } };
  }
  if (before.case === "toolResult" && next.case === "toolResult" && next.value.resultDelta !== "") {
    const resultDelta = before.value.resultDelta + next.value.resultDelta;
    return { ...part, kind: { case: "toolResult", value: { ...before.value, resultDelta } } };
  }
  return fragment;
}
