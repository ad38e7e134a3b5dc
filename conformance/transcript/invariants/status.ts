import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import type { Finding, Invariant } from "./invariant.js";

type Status = Exclude<ChatStatus, ChatStatus.UNSPECIFIED>;

const statuses = [
  ChatStatus.PENDING,
  ChatStatus.RUNNING,
  ChatStatus.INTERRUPTING,
  ChatStatus.REQUIRES_ACTION,
  ChatStatus.WAITING,
  ChatStatus.ERROR,
] as const satisfies readonly Status[];

/**
 * Which status may follow which, and how many messages that adds to the history at the least, each of which clients see: a turn begins with a message,
 * an interrupted one goes on with the queue's head, and awaited calls get results.
 */
const follows: Readonly<Record<Status, Readonly<Partial<Record<Status, number>>>>> = {
  [ChatStatus.PENDING]: { [ChatStatus.RUNNING]: 0, [ChatStatus.WAITING]: 0 },
  [ChatStatus.RUNNING]: {
    [ChatStatus.PENDING]: 0,
    [ChatStatus.INTERRUPTING]: 0,
    [ChatStatus.REQUIRES_ACTION]: 0,
    [ChatStatus.WAITING]: 0,
    [ChatStatus.ERROR]: 0,
  },
  [ChatStatus.INTERRUPTING]: {
    [ChatStatus.PENDING]: 1,
    [ChatStatus.RUNNING]: 1,
    [ChatStatus.WAITING]: 0,
  },
  [ChatStatus.REQUIRES_ACTION]: { [ChatStatus.PENDING]: 1, [ChatStatus.WAITING]: 1 },
  [ChatStatus.WAITING]: { [ChatStatus.PENDING]: 1 },
  [ChatStatus.ERROR]: { [ChatStatus.PENDING]: 1 },
};

export const statusLegal: Invariant = {
  id: "status-legal",
  rules: ["CHAT-1", "STREAM-10"],
  sentence:
    "A status follows another as the transition table says, also where others between them were passed over: then the messages of the way were told before the chat is idle.",
  check: ({ events }) => {
    const findings: Finding[] = [];
    let last: Status | undefined;
    let told = 0;
    let owed = 0;
    for (const { event, frame } of events) {
      if (event.case === "message") told += 1;
      if (event.case !== "status") continue;
      const { status } = event.value;
      if (!isStatus(status)) {
        findings.push({ frame, observed: `status ${nameOf(status)}` });
        continue;
      }
      if (last !== undefined && last !== status) owed += fewestMessages(last, status);
      if (isIdle(status)) {
        if (told < owed)
          findings.push({
            frame,
            observed: `${nameOf(status)} with ${told} new messages, where the way there makes at least ${owed}`,
          });
        told = 0;
        owed = 0;
      }
      last = status;
    }
    return findings;
  },
};

export const statusNotRepeated: Invariant = {
  id: "status-not-repeated",
  rules: ["STREAM-10"],
  sentence: "status never repeats itself.",
  check: ({ events }) => {
    const findings: Finding[] = [];
    let last: ChatStatus | undefined;
    for (const { event, frame } of events) {
      if (event.case !== "status") continue;
      if (event.value.status === last) findings.push({ frame, observed: `${nameOf(last)} again` });
      last = event.value.status;
    }
    return findings;
  },
};

export const idleExplained: Invariant = {
  id: "idle-explained",
  rules: ["STREAM-2", "ERR-2"],
  sentence:
    "ERROR comes with the error, and REQUIRES_ACTION with the calls: before it, or with the snapshot that begins with it.",
  check: ({ transcript, events }) => {
    const findings: Finding[] = [];
    let isLive = transcript.cursor !== "";
    // A cursor may lie between the reason and the first status after it.
    let isExcused = isLive;
    let status: ChatStatus | undefined;
    let why = new Set<"error" | "actionRequired">();
    const look = (frame: number): void => {
      const needed =
        status === ChatStatus.ERROR
          ? "error"
          : status === ChatStatus.REQUIRES_ACTION
            ? "actionRequired"
            : undefined;
      if (needed !== undefined && !why.has(needed))
        findings.push({ frame, observed: `${nameOf(status)} without its ${needed} event` });
    };
    for (const { event, frame } of events) {
      if (event.case === "error" || event.case === "actionRequired") why.add(event.case);
      if (event.case === "status") {
        status = event.value.status;
        if (isLive) {
          if (!isExcused) look(frame);
          isExcused = false;
          why = new Set();
        }
      }
      if (event.case === "caughtUp" && !isLive) {
        isLive = true;
        look(frame);
        why = new Set();
      }
    }
    return findings;
  },
};

/** Over the table, by the way that adds the fewest messages. Every status can be reached from every other. */
function fewestMessages(from: Status, to: Status): number {
  const costs = new Map<Status, number>([[from, 0]]);
  // At most one round for each status until nothing gets cheaper.
  // At most one round for each status until nothing gets cheaper.
  for (const _round of statuses) {
    for (const [status, cost] of [...costs]) {
      for (const next of statuses) {
        const added = follows[status][next];
        if (added !== undefined) costs.set(next, Math.min(costs.get(next) ?? Infinity, cost + added));
      }
    }
  }
  return costs.get(to) ?? 0;
}

function isStatus(status: ChatStatus): status is Status {
  return status in follows;
}

function isIdle(status: Status): boolean {
  return (
    status === ChatStatus.WAITING || status === ChatStatus.ERROR || status === ChatStatus.REQUIRES_ACTION
  );
}

function nameOf(status: ChatStatus | undefined): string {
  if (status === undefined) return "no status";
  return isStatus(status) ? ChatStatus[status] : `number ${status}`;
}
