// One replica's end of the bus.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { type Bus, connectNatsBus } from "../../src/bus/index.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatNotificationSchema } from "../../src/gen/palaver/relay/v1/notification_pb.js";
import { noMetrics, silentLogger, systemClock, systemRandom } from "../../src/platform/index.js";
import { answerParent } from "./answer-parent.js";
import { nowUs } from "./wire.js";

const counts = new Map<string, number>();
/** Called whenever something was counted. */
let wake = (): void => undefined;
const counted = (name: string): number => counts.get(name) ?? 0;
const opened = deferred<Bus>();
let heard = deferred<number[]>();
let version = 0n;

function publish(bus: Bus, chatId: string): void {
  version += 1n;
  const status = { status: ChatStatus.RUNNING };
  bus.publish(create(ChatNotificationSchema, { chatId, snapshotVersion: version, status }), "bench");
}

answerParent({
  connect: async ({ servers }: { servers: string }) => {
    const bus = await connectNatsBus({
      servers: [new URL(servers).host],
      credential: { kind: "none" },
      tls: undefined,
      stream: { replicas: 1, storage: "memory" },
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      metrics: {
        ...noMetrics,
        counter: (name: string) => ({
          inc: () => {
            counts.set(name, counted(name) + 1);
            wake();
          },
        }),
      },
    });
    opened.resolve(bus);
  },
  /** Says so many things of as many chats, and resolves with how many were acknowledged in a second. */
  publish: async ({ total }: { total: number }) => {
    const bus = await opened.promise;
    const chatIds = Array.from({ length: 2_000 }, () => randomUUID());
    const before = counted("palaver_bus_published_total");
    const beganUs = nowUs();
    let said = 0;
    for (;;) {
      if (counted("palaver_bus_dropped_total") > 0) throw new Error("notifications were dropped");
      const acknowledged = counted("palaver_bus_published_total") - before;
      if (acknowledged === total) break;
      const counting = new Promise<void>((resolve) => (wake = resolve));
      // No more under way than the bus keeps: what it drops would count for nothing.
      for (; said < total && said - acknowledged < chatIds.length; said++)
        publish(bus, chatIds[said % chatIds.length] ?? "");
      await counting;
    }
    return (total * 1_000_000) / (nowUs() - beganUs);
  },
  /** Says that a chat has changed, again and again; resolves with when. */
  say: async ({ chatId, times }: { chatId: string; times: number }) => {
    const bus = await opened.promise;
    const saidUs: number[] = [];
    for (let time = 0; time < times; time++) {
      saidUs.push(nowUs());
      publish(bus, chatId);
      await sleep(5);
    }
    return saidUs;
  },
  /** Resolves when nothing that is said of the chat is missed any more. */
  watch: async ({ chatId, times }: { chatId: string; times: number }) => {
    const bus = await opened.promise;
    heard = deferred<number[]>();
    const { resolve } = heard;
    const holds = deferred<undefined>();
    const atUs: number[] = [];
    const watch = bus.watchChat(chatId, (notification) => {
      if (notification === undefined) return holds.resolve(undefined);
      atUs.push(nowUs());
      if (atUs.length < times) return;
      watch[Symbol.dispose]();
      resolve(atUs);
    });
    await holds.promise;
  },
  heard: () => heard.promise,
});

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
