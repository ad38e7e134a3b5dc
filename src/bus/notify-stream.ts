import { DiscardPolicy, type NatsConnection, NatsError, nanos, RetentionPolicy, StorageType } from "nats";
import { allChatSubjects } from "./subjects.js";

const minuteMs = 60_000;

/** The stream that notifications are published to. */
const streamName = "PALAVER_NOTIFY";

export interface NotifyStreamOptions {
  /** How many servers of the cluster keep it. */
  readonly replicas: number;
  /** Of a new stream: where an existing one is stored cannot be changed. */
  readonly storage: "file" | "memory";
}

/**
 * What bounds the stream. Hints are worth little after minutes: whoever missed them for longer has looked by then. The last one of a chat says
 * all that those before it did, and to keep one for each is four times as fast as to keep a few.
 */
const limits = {
  max_age: nanos(10 * minuteMs),
  max_bytes: 64 * 1024 * 1024,
  max_msgs_per_subject: 1,
  duplicate_window: nanos(2 * minuteMs),
};

/** Codes of JetStream's errors: there is no such stream; there is one of that name. */
const notFound = 10_059;
const nameInUse = 10_058;

const requestTimeoutMs = 2_000;

/**
 * Creates the stream, or brings the one that exists to our limits. Any number of replicas may do so at the same time.
 *
 * @throws NatsError when JetStream is not enabled, this user may not, or the existing stream cannot become ours
 */
export async function ensureNotifyStream(
  connection: NatsConnection,
  { replicas, storage }: NotifyStreamOptions,
): Promise<"created" | "updated" | "unchanged"> {
  const { streams } = await connection.jetstreamManager({ checkAPI: false, timeout: requestTimeoutMs });
  const wanted = {
    subjects: [allChatSubjects],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    num_replicas: replicas,
    ...limits,
  };
  for (let attempt = 1; ; attempt += 1) {
    const existing = await streams.info(streamName).catch((error: unknown) => {
      if (codeOf(error) === notFound) return undefined;
      throw error;
    });
    if (existing !== undefined) {
      const present: Record<string, unknown> = { ...existing.config };
      const same = Object.entries(wanted).every(
        ([name, value]) => JSON.stringify(present[name]) === JSON.stringify(value),
      );
      if (same) return "unchanged";
      await streams.update(streamName, wanted);
      return "updated";
    }
    try {
      const where = storage === "file" ? StorageType.File : StorageType.Memory;
      await streams.add({ name: streamName, storage: where, ...wanted });
      return "created";
    } catch (error) {
      // Another replica was faster, with other settings: look again.
      if (codeOf(error) !== nameInUse || attempt === 3) throw error;
    }
  }
}

/** Whether the servers have JetStream for this user. */
export async function hasJetStream(connection: NatsConnection): Promise<boolean> {
  const { streams } = await connection.jetstreamManager({ checkAPI: false, timeout: requestTimeoutMs });
  return streams.info(streamName).then(
    () => true,
    (error: unknown) => codeOf(error) === notFound,
  );
}

function codeOf(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}
