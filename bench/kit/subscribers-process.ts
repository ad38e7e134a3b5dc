// The subscribers of a benchmark, in a process of their own.
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { SubscribeRequestSchema } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { percentile } from "../run/statistics.js";
import { answerParent } from "./answer-parent.js";
import { SubscriberStream } from "./subscriber-stream.js";
import type { GroupOptions, GroupTally, Travel } from "./subscribers.js";
import { envelope } from "./wire.js";

class Group {
  readonly streams: SubscriberStream[] = [];
  readonly #sessions: ClientHttp2Session[] = [];
  readonly #options: GroupOptions;
  #travelsUs: number[] = [];
  /** Who has to read up to where for whoever waits. */
  #goal: { seq: number; missing: number; reached: () => void } | undefined;

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  /** Resolves when all of them are live. */
  async open(): Promise<void> {
    const { url, wire, chatIds, count, connections, deltaBytes = 0 } = this.#options;
    const requests = chatIds.map((chatId) =>
      envelope(toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, { chatId }))),
    );
    const travelled = deltaBytes === 0 ? undefined : (us: number): void => void this.#travelsUs.push(us);
    const advanced = (before: number, now: number): void => this.#advanced(before, now);
    const hooks = { advanced, travelled, deltaBytes };
    for (let index = 0; index < count; index++) {
      const session = this.#sessions[index % connections] ?? (await this.#connect(url));
      const request = requests[index % requests.length] ?? Buffer.alloc(0);
      this.streams.push(new SubscriberStream(session, { wire, request }, hooks));
    }
    await Promise.all(this.streams.map((stream) => stream.live));
  }

  expect(): void {
    for (const stream of this.streams) stream.expect();
    this.#travelsUs = [];
  }

  /** Resolves when all have read up to there. */
  reach(seq: number): Promise<void> {
    const missing = this.streams.filter((stream) => stream.lastSeq < seq).length;
    return new Promise((resolve) => {
      if (missing === 0) return resolve();
      this.#goal = { seq, missing, reached: resolve };
    });
  }

  tally(): GroupTally {
    const { streams } = this;
    return {
      deltas: sum(streams.map(({ lastSeq }) => lastSeq)),
      responses: sum(streams.map(({ responses }) => responses)),
      wireBytes: sum(this.#sessions.map(({ socket }) => socket.bytesRead)),
      hashes: [...new Set(streams.map(({ hash }) => hash))],
      textBytes: [...new Set(streams.map(({ textBytes }) => textBytes))],
      faults: [...new Set(streams.flatMap(({ fault }) => (fault === undefined ? [] : [fault])))],
    };
  }

  travel(): Travel {
    const sorted = this.#travelsUs.toSorted((a, b) => a - b);
    return { count: sorted.length, p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) };
  }

  close(): void {
    for (const stream of this.streams) stream.leave();
    for (const session of this.#sessions) session.close();
  }

  async #connect(url: string): Promise<ClientHttp2Session> {
    // A window that no round fills: how often it has to be topped up is not what is measured.
    const session = connect(url, { settings: { initialWindowSize: 16 * 1024 * 1024 } });
    session.on("error", () => undefined);
    await once(session, "connect");
    session.setLocalWindowSize(64 * 1024 * 1024);
    this.#sessions.push(session);
    return session;
  }

  #advanced(before: number, now: number): void {
    const goal = this.#goal;
    if (goal === undefined || before >= goal.seq || now < goal.seq) return;
    goal.missing -= 1;
    if (goal.missing > 0) return;
    this.#goal = undefined;
    goal.reached();
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

const groups = new Map<number, Group>();
let opened = 0;

function groupOf({ group }: { group: number }): Group {
  const found = groups.get(group);
  if (found === undefined) throw new Error(`there is no group ${group}`);
  return found;
}

answerParent({
  open: async (options: GroupOptions) => {
    const group = new Group(options);
    const id = ++opened;
    groups.set(id, group);
    await group.open();
    return id;
  },
  expect: (argument: { group: number }) => groupOf(argument).expect(),
  reach: (argument: { group: number; seq: number }) => groupOf(argument).reach(argument.seq),
  tally: (argument: { group: number }) => groupOf(argument).tally(),
  travel: (argument: { group: number }) => groupOf(argument).travel(),
  close: (argument: { group: number }) => {
    groupOf(argument).close();
    groups.delete(argument.group);
  },
});
