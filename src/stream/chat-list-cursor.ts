import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ChatListCursorSchema,
  type TransactionSnapshot,
  TransactionSnapshotSchema,
} from "../gen/palaver/relay/v1/cursor_pb.js";
import { decodeCursorText, encodeCursorText } from "../protocol/index.js";
import type { ChatChangesPosition } from "../store/index.js";

/** This kind of cursor, in its first version. */
const kind = 2;
const maxTextLength = 256;

/**
 * The cursor of a position: at most 256 bytes. Where very many transactions are running at once they do not fit in; the cursor then
 * stands for a position a little earlier, so that a chat that is told may be told once more, and none is missed.
 */
export function encodeChatListCursor(owner: string, { seen, round }: ChatChangesPosition): string {
  const message = create(ChatListCursorSchema, {
    ...(seen === undefined ? {} : { seen: snapshotToProto(seen) }),
    ...(round === undefined
      ? {}
      : {
          until: snapshotToProto(round.until),
          afterTransaction: BigInt(round.after.xid),
          afterChatId: Buffer.from(round.after.chatId.replaceAll("-", ""), "hex"),
        }),
  });
  for (;;) {
    const text = encodeCursorText(kind, owner, toBinary(ChatListCursorSchema, message));
    if (text.length <= maxTextLength) return text;
    const snapshots = [message.seen, message.until].filter((snapshot) => snapshot !== undefined);
    const [longest] = snapshots.sort((a, b) => b.runningGaps.length - a.runningGaps.length);
    if (longest === undefined || !moveBack(longest))
      throw new Error("a cursor is too long without transactions");
  }
}

/** The position of a cursor; undefined when it is none, or of another owner's list. */
export function decodeChatListCursor(owner: string, text: string): ChatChangesPosition | undefined {
  const payload = decodeCursorText(kind, owner, text);
  if (payload === undefined) return undefined;
  try {
    const { seen, until, afterTransaction, afterChatId } = fromBinary(ChatListCursorSchema, payload);
    const round =
      until === undefined
        ? undefined
        : {
            until: snapshotFromProto(until),
            after: { xid: String(afterTransaction), chatId: uuidFrom(afterChatId) },
          };
    return { seen: seen === undefined ? undefined : snapshotFromProto(seen), round };
  } catch {
    // Anyone can make a cursor of anything: a snapshot that is none must not reach the database.
    return undefined;
  }
}

/** Postgres' text of a snapshot: `xmin:xmax:xip,xip…`. */
function snapshotToProto(text: string): TransactionSnapshot {
  const [xmin = "", xmax = "", xips = ""] = text.split(":");
  const running = xips === "" ? [] : xips.split(",").map(BigInt);
  const first = BigInt(xmin);
  return create(TransactionSnapshotSchema, {
    xmin: first,
    xmaxOffset: BigInt(xmax) - first,
    runningGaps: running.map((xid, index) => xid - (running[index - 1] ?? first)),
  });
}

/** @throws when it is no snapshot */
function snapshotFromProto({ xmin, xmaxOffset, runningGaps }: TransactionSnapshot): string {
  const xmax = xmin + xmaxOffset;
  const running: bigint[] = [];
  for (const gap of runningGaps) running.push((running.at(-1) ?? xmin) + gap);
  const ascends = runningGaps.every((gap, index) => gap > 0n || index === 0);
  if (xmin === 0n || xmax >= 2n ** 64n || !ascends || (running.at(-1) ?? 0n) >= xmax)
    throw new RangeError("no snapshot");
  return `${xmin}:${xmax}:${running.join(",")}`;
}

/** Makes a snapshot one of a moment before: its last running transaction counts as not begun. False when none is running. */
function moveBack(snapshot: TransactionSnapshot): boolean {
  if (snapshot.runningGaps.length === 0) return false;
  snapshot.xmaxOffset = snapshot.runningGaps.reduce((sum, gap) => sum + gap, 0n);
  snapshot.runningGaps.pop();
  return true;
}

/** @throws when these are not the bytes of a UUID */
function uuidFrom(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new RangeError("no UUID");
  return Buffer.from(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
