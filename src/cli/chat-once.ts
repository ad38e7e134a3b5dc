import { create, type JsonValue, toJson } from "@bufbuild/protobuf";
import type { Chat } from "../gen/palaver/chat/v1/chat_pb.js";
import { type StreamEvent, StreamEventSchema } from "../gen/palaver/chat/v1/event_pb.js";
import { isIdle } from "./chat-status.js";
import type { Connection } from "./connection.js";
import { continueHint } from "./continue-hint.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { follow, isLost, lostNotice } from "./follow.js";
import { line, type Piece } from "./piece.js";
import { briefly, interruptChat, interruptNotice } from "./interrupt-chat.js";
import { createChat, present, type Sending, sendMessage } from "./send.js";
import { readView } from "./read-view.js";
import { type Surroundings, writeJsonLine } from "./terminal.js";
import { Transcript } from "./transcript.js";
import { writerFor } from "./transcript-writer.js";

export interface ChatOnceOptions extends Sending {
  /** The chat to go on with; a new one when absent. */
  readonly chatId?: string | undefined;
  /** Prints the events as JSON instead of text. */
  readonly json: boolean;
}

/**
 * Says one thing and follows the chat until it is idle again. Ctrl-C interrupts the turn; a second one does not wait for its end.
 */
export async function chatOnce(
  surroundings: Surroundings,
  connection: Connection,
  options: ChatOnceOptions,
): Promise<ExitCode> {
  const { clock, stdout, stderr } = surroundings;
  const leave = new AbortController();
  let chatId: string | undefined = undefined;
  let interrupts = 0;
  let interrupting = Promise.resolve();
  const notice = (piece: Piece): void => {
    if (!options.json) writer.write([piece]);
  };
  using _interrupts = surroundings.onInterrupt(() => {
    interrupts += 1;
    if (interrupts > 1 || chatId === undefined) return leave.abort();
    notice(interruptNotice);
    interrupting = interruptChat(connection, chatId).then((problem) => {
      if (problem !== undefined && !leave.signal.aborted) notice(line("error", problem));
    });
  });
  const writer = writerFor(surroundings);

  const begun = await begin(surroundings, connection, options, leave.signal).catch((error: unknown) => {
    if (leave.signal.aborted) return undefined;
    throw error;
  });
  if (begun === undefined) return exitCode.interrupted;
  const { chat, afterMessageId } = begun;
  chatId = chat.id;
  const transcript = new Transcript({ live: stdout.isTTY === true, afterMessageId });
  if (options.json) writeJsonLine(stdout, eventJson(chatUpdate(chat)));

  const items = follow(surroundings, connection, { chatId, afterMessageId, signal: leave.signal });
  for await (const item of items) {
    if (item.type === "connection") {
      if (isLost(item.connection)) notice(lostNotice);
      continue;
    }
    if (item.type === "reset") {
      transcript.restart();
      if (options.json) for (const event of resetEvents) writeJsonLine(stdout, eventJson(event));
    }
    for (const event of item.events) {
      const pieces = transcript.read(event);
      if (!options.json) writer.write(pieces);
      else if (event.event.case !== "keepalive") writeJsonLine(stdout, eventJson(event));
    }
    if (transcript.isSettled) break;
  }
  await briefly(interrupting, clock);
  const unanswered = transcript.isSettled && transcript.ending === "unanswered";
  if (unanswered)
    notice(line("warning", interrupts > 0 ? "[interrupted]" : "[the turn ended without an answer]"));
  writer.endLine();
  if (!options.json) stderr.write(continueHint(surroundings, connection, chatId));
  if (interrupts > 0) return exitCode.interrupted;
  return transcript.ending === "answered" ? exitCode.ok : exitCode.failed;
}

/** Creates the chat or sends to it; tells which messages came before all that is to be followed. */
async function begin(
  { random }: Surroundings,
  connection: Connection,
  { chatId, ...sending }: ChatOnceOptions,
  signal: AbortSignal,
): Promise<{ chat: Chat; afterMessageId: bigint }> {
  if (chatId === undefined) {
    const { chat, lastMessageId } = await createChat(connection, sending, { random, signal });
    return { chat, afterMessageId: lastMessageId };
  }
  // If the chat is busy, the message may have to wait: then its turn is among what comes after the messages of now.
  const now = present((await connection.chats.getChat({ chatId }, { signal })).chat);
  const before = isIdle(now.status) ? undefined : await readLastMessageId(connection, chatId, signal);
  const { outcome, chat } = await sendMessage(connection, chatId, sending, { random, signal });
  const afterMessageId =
    outcome.case === "message"
      ? outcome.value.id
      : (before ?? (await readLastMessageId(connection, chatId, signal)));
  return { chat: present(chat), afterMessageId };
}

async function readLastMessageId(
  connection: Connection,
  chatId: string,
  signal: AbortSignal,
): Promise<bigint> {
  const { messages } = await readView(connection, chatId, signal);
  return messages.at(-1)?.id ?? 0n;
}

/** For programs, the first line says which chat it is, in the form of an event. */
function chatUpdate(chat: Chat): StreamEvent {
  return create(StreamEventSchema, { event: { case: "chatUpdate", value: { chat } } });
}

/** For programs, a subscription that begins anew is what takes back everything before it. */
const resetEvents: readonly StreamEvent[] = [
  create(StreamEventSchema, { event: { case: "previewReset", value: {} } }),
  create(StreamEventSchema, { event: { case: "historyReset", value: {} } }),
];

function eventJson(event: StreamEvent): JsonValue {
  return toJson(StreamEventSchema, event);
}
