import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCursorText, encodeCursorText } from "../protocol/index.js";
import type { ChatChangesPosition } from "../store/index.js";
import { decodeChatListCursor, encodeChatListCursor } from "./chat-list-cursor.js";

const xid = fc.bigInt({ min: 3n, max: 2n ** 62n });

/** Snapshots as Postgres makes them: where something runs, xmin is the first of it. */
function snapshots(maxRunning: number): fc.Arbitrary<string> {
  const gap = fc.oneof(fc.bigInt({ min: 1n, max: 40n }), fc.bigInt({ min: 1n, max: 2n ** 40n }));
  return fc.tuple(xid, fc.array(gap, { maxLength: maxRunning })).map(([xmin, gaps]) => {
    const xids = [xmin];
    for (const each of gaps) xids.push((xids.at(-1) ?? xmin) + each);
    return `${xmin}:${xids.pop() ?? xmin}:${xids.join(",")}`;
  });
}

function positions(maxRunning: number): fc.Arbitrary<ChatChangesPosition> {
  const snapshot = snapshots(maxRunning);
  const after = fc.record({ xid: xid.map(String), chatId: fc.uuid() });
  return fc.record({
    seen: fc.option(snapshot, { nil: undefined }),
    round: fc.option(fc.record({ until: snapshot, after }), { nil: undefined }),
  });
}

test("a cursor is the position that it was made of", () => {
  fc.assert(
    fc.property(fc.string(), positions(4), (owner, position) => {
      const cursor = encodeChatListCursor(owner, position);
      expect(cursor.length).toBeLessThanOrEqual(256);
      expect(decodeChatListCursor(owner, cursor)).toEqual(position);
    }),
  );
});

/** Whether a transaction belongs to what a snapshot has seen, as pg_visible_in_snapshot has it. */
function isVisible(transaction: bigint, snapshot: string | undefined): boolean {
  if (snapshot === undefined) return false;
  const [, xmax = "", running = ""] = snapshot.split(":");
  return transaction < BigInt(xmax) && !running.split(",").includes(String(transaction));
}

test("with any number of running transactions it fits into 256 bytes, and has seen nothing that was not seen", () => {
  fc.assert(
    fc.property(positions(400), (position) => {
      const cursor = encodeChatListCursor("alice", position);
      expect(cursor.length).toBeLessThanOrEqual(256);
      const decoded = decodeChatListCursor("alice", cursor);
      expect(decoded?.round?.after).toEqual(position.round?.after);
      for (const [before, after] of [
        [position.seen, decoded?.seen],
        [position.round?.until, decoded?.round?.until],
      ] as const) {
        expect(after === undefined).toBe(before === undefined);
        const [xmin = "0", xmax = "0", running = ""] = (before ?? "").split(":");
        const telling = [xmin, xmax, ...running.split(",").filter((text) => text !== "")].map(BigInt);
        for (const transaction of telling.flatMap((each) => [each - 1n, each, each + 1n])) {
          if (isVisible(transaction, after)) expect(isVisible(transaction, before)).toBe(true);
        }
      }
    }),
  );
});

test("another owner's cursor is none", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), positions(2), (owner, other, position) => {
      fc.pre(owner !== other);
      expect(decodeChatListCursor(other, encodeChatListCursor(owner, position))).toBeUndefined();
    }),
  );
});

test("whatever a well-formed cursor holds, it is none or one that a database can read", () => {
  // Bytes by chance are seldom a message: one with a few others in it often is.
  const message = fc
    .tuple(positions(2), fc.uint8Array({ maxLength: 6 }), fc.nat())
    .map(([position, bytes, at]) => {
      const whole = decodeCursorText(2, "alice", encodeChatListCursor("alice", position)) ?? bytes;
      const place = at % (whole.length + 1);
      return Buffer.concat([whole.subarray(0, place), bytes, whole.subarray(place + bytes.length)]);
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), message), (payload) => {
      const position = decodeChatListCursor("alice", encodeCursorText(2, "alice", payload));
      for (const snapshot of [position?.seen, position?.round?.until]) {
        if (snapshot === undefined) continue;
        const [xmin = 0n, xmax = 0n, ...running] = snapshot.split(/[:,]/).filter(Boolean).map(BigInt);
        expect(xmin).toBeGreaterThan(0n);
        expect(xmax).toBeLessThan(2n ** 64n);
        expect([xmin, ...running]).toEqual([xmin, ...running].sort((a, b) => (a < b ? -1 : 1)));
        expect(xmax).toBeGreaterThanOrEqual(running.at(-1) ?? xmin);
      }
    }),
    { numRuns: 2_000 },
  );
});
