import * as z from "zod";

/** Of a file that `npm run bench -- --json` writes, what is needed of each row. */
export const benchFileSchema = z.array(
  z.object({ id: z.string(), case: z.string(), value: z.number(), cpu_server: z.number().nullable() }),
);

export type BenchFile = z.infer<typeof benchFileSchema>;
type BenchRow = BenchFile[number];

/** What one operation costs, as it was measured. CPU is seconds of a core. */
export interface Measured {
  /** Of a delta, from the turn to its only subscriber. */
  readonly firstDeliveryCpu: number;
  /** Of the same delta to each further subscriber. */
  readonly furtherDeliveryCpu: number;
  /** Of an event to each of a thousand subscribers: the least that one costs. */
  readonly keepaliveCpu: number;
  /** Of a delta over a relay, for the replica that runs the turn and for the other one. */
  readonly relayWorkerCpu: number;
  readonly relayWatcherCpu: number;
  readonly transitionsPerSecond: number;
  readonly transitionCpu: number;
  readonly subscriberBytes: number;
  /** Of a response with one delta, all but its text. */
  readonly deltaOverheadBytes: number;
  readonly subscribeCpu: number;
  readonly notificationsPerSecond: number;
  readonly notificationCpu: number;
}

/** A row of the results, by the case as it begins. */
interface Wanted {
  readonly id: string;
  readonly case: RegExp;
  readonly name: string;
}

const rows = {
  alone: { id: "P1", case: /^S=1 grpc/, name: "S=1 grpc" },
  hundred: { id: "P1", case: /^S=100 grpc/, name: "S=100 grpc" },
  thousand: { id: "P1", case: /^S=1000 grpc/, name: "S=1000 grpc" },
  relayWorker: { id: "P4", case: /^the worker's side/, name: "the worker's side" },
  relayWatcher: { id: "P4", case: /^the other side/, name: "the other side" },
  transitions: { id: "P7", case: /^send, acquire/, name: "send, acquire, …" },
  idle: { id: "P9", case: /^idle, own connections/, name: "idle, own connections" },
  bytes: { id: "P10", case: /^alone/, name: "alone" },
  storm: { id: "P13", case: /on 50 chats and 20 connections/, name: "… on 50 chats and 20 connections" },
  publishes: { id: "P14", case: /^acknowledged publishes/, name: "acknowledged publishes" },
} as const satisfies Record<string, Wanted>;

/** How many bytes of text P10's deltas have. */
const p10DeltaBytes = 4;
const us = 1e-6;

/** Those rows of a file that the model uses. */
export function rowsUsed(file: BenchFile): BenchFile {
  return file.filter((row) => Object.values(rows).some((wanted) => matches(row, wanted)));
}

/** @throws Error that says which bars to run, when something is missing or cannot be */
export function measuredOf(file: BenchFile): Measured {
  const missing = Object.values(rows).filter((wanted) => !file.some((row) => matches(row, wanted)));
  if (missing.length > 0) {
    const bars = [...new Set(missing.map(({ id }) => id))].join(" ");
    const names = missing.map(({ id, name }) => `${id} "${name}"`).join(", ");
    throw new Error(`the results lack ${names}: run \`npm run bench -- ${bars} --json FILE\``);
  }
  const transitions = positive(find(file, rows.transitions));
  const notifications = positive(find(file, rows.publishes));
  return {
    firstDeliveryCpu: positive(find(file, rows.alone)).value * us,
    furtherDeliveryCpu: positive(find(file, rows.hundred)).value * us,
    keepaliveCpu: positive(find(file, rows.thousand)).value * us,
    // Differences between turns: on a busy machine one may come out below nothing.
    relayWorkerCpu: Math.max(0, find(file, rows.relayWorker).value) * us,
    relayWatcherCpu: Math.max(0, find(file, rows.relayWatcher).value) * us,
    transitionsPerSecond: transitions.value,
    transitionCpu: cores(transitions) / transitions.value,
    subscriberBytes: 2 ** 30 / positive(find(file, rows.idle)).value,
    deltaOverheadBytes: Math.max(0, positive(find(file, rows.bytes)).value - p10DeltaBytes),
    subscribeCpu: 1 / positive(find(file, rows.storm)).value,
    notificationsPerSecond: notifications.value,
    notificationCpu: cores(notifications) / notifications.value,
  };
}

function find(file: BenchFile, wanted: Wanted): BenchRow {
  const row = file.find((each) => matches(each, wanted));
  if (row === undefined) throw new Error(`no row ${wanted.id} "${wanted.name}"`);
  return row;
}

function matches(row: BenchRow, wanted: Wanted): boolean {
  return row.id === wanted.id && wanted.case.test(row.case);
}

function positive(row: BenchRow): BenchRow {
  if (row.value > 0) return row;
  throw new Error(
    `${row.id} "${row.case}" is ${row.value}: measure it again, \`npm run bench -- ${row.id}\``,
  );
}

function cores({ id, case: name, cpu_server: cpu }: BenchRow): number {
  if (cpu !== null && cpu > 0) return cpu;
  throw new Error(`${id} "${name}" does not say how much CPU it took: \`npm run bench -- ${id}\``);
}
