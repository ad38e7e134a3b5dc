import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChatView } from "../../src/client/index.js";
import { loadConfig } from "../../src/config/index.js";
import { ChatService, WhenBusy } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { ImportService } from "../../src/gen/palaver/chat/v1/import_service_pb.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatErrorKind } from "../../src/gen/palaver/chat/v1/error_pb.js";
import type { StreamEvent } from "../../src/gen/palaver/chat/v1/event_pb.js";
import { silentLogger } from "../../src/platform/index.js";
import { startReplica } from "../../src/replica.js";
import { engines } from "../kit/databases.js";
import {
  gate,
  type ProviderServer,
  type ProviderStep,
  reasoning,
  startProviderServer,
  text,
  toolCall,
} from "../kit/provider-server/index.js";
import { deltaText, episodeKey, type Recorded, record, shown, viewOf } from "../kit/recording.js";
import { type ChatClient, newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { until } from "../kit/until.js";

const long = "The quick brown fox jumps over the lazy dog. ".repeat(6);
const isIdle = ({ status }: ChatView): boolean =>
  status === ChatStatus.WAITING || status === ChatStatus.ERROR;

describe.each(engines)("on %s", (engine) => {
  let server: ProviderServer;
  let replica: TestReplica;
  beforeAll(async () => {
    server = await startProviderServer();
    replica = await startTestReplica({ engine, providers: server });
  });
  afterAll(async () => {
    await replica[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** Records a chat whose turns go on as `act` says, from its beginning until it is idle after that. */
  async function recorded(
    answers: readonly (readonly ProviderStep[])[],
    act: (chat: {
      chatId: string;
      script: Awaited<ReturnType<ProviderServer["script"]>>;
    }) => Promise<void> = async () => {},
  ): Promise<{ chatId: string; responses: Recorded[] }> {
    const script = await server.script(...answers);
    const chatId = await newChat(replica.client, `anthropic/${script.model}`);
    let acted = false;
    const recording = watched(chatId, (view) => acted && isIdle(view));
    await replica.client.sendMessage({ chatId, parts: says("go") });
    if (answers.some(hasPauses)) await passPauses(script, recording);
    await act({ chatId, script });
    acted = true;
    // Something that ends the recording if the turn was over before `acted`.
    await replica.client.updateChat({
      chat: { id: chatId, pinned: true },
      updateMask: { paths: ["pinned"] },
    });
    return { chatId, responses: await recording.responses };
  }

  /** A recording in progress. `shown` resolves when its view fits. */
  interface Watched {
    readonly responses: Promise<Recorded[]>;
    readonly shown: (fits: (view: ChatView) => boolean) => Promise<unknown>;
  }

  function watched(chatId: string, isEnough: (view: ChatView) => boolean): Watched {
    let present: ChatView | undefined;
    const looks = new Set<() => void>();
    const responses = record(replica.client, chatId, {
      isEnough: (view) => {
        present = view;
        for (const look of [...looks]) look();
        return isEnough(view);
      },
    });
    const shown = (fits: (view: ChatView) => boolean): Promise<unknown> => {
      const fitting = new Promise<void>((resolve) => {
        const look = (): void => {
          if (present !== undefined && fits(present)) resolve();
        };
        looks.add(look);
        look();
      });
      // One that has ended shows nothing more.
      return Promise.race([fitting, responses]);
    };
    return { responses, shown };
  }

  /** What comes without a pause may reach subscribers as one response. */
  const pauses = ["a", "b", "c", "d", "e", "f"];
  const thought = "hm, let me see ".repeat(4);
  const answer = (...more: ProviderStep[]): ProviderStep[] => [
    reasoning(thought, { chunk: 5, signature: "sig" }),
    ...pauses.flatMap((name) => [gate(name), text(long.slice(0, long.length / pauses.length), { chunk: 7 })]),
    ...more,
  ];
  const hasPauses = (steps: readonly ProviderStep[]): boolean =>
    steps.some((step) => step.kind === "gate" && pauses.includes(step.name));

  /** A recording has shown what comes before a pause when that ends: later nobody has to be shown it in pieces. */
  async function passPauses(
    script: Awaited<ReturnType<ProviderServer["script"]>>,
    recording?: Watched,
  ): Promise<void> {
    const shows = (pieces: number) =>
      recording?.shown(
        ({ step }) =>
          (step?.parts ?? []).map(textOf).join("") ===
          thought + long.slice(0, (pieces * long.length) / pauses.length),
      );
    for (const [index, name] of pauses.entries()) {
      await script.reached(name);
      await shows(index);
      await script.open(name);
    }
  }

  const stories: Record<string, () => ReturnType<typeof recorded>> = {
    "text, reasoning and two parallel tools": () =>
      recorded([
        answer(
          toolCall("current_time", {}, { chunk: 3 }),
          toolCall("current_time", { time_zone: "Asia/Tokyo" }, { chunk: 3 }),
        ),
        [text(long, { chunk: 11 })],
      ]),
    "an interrupt": () =>
      recorded([[...answer(), gate("here"), text("never")]], async ({ chatId, script }) => {
        await script.reached("here");
        await replica.client.interruptChat({ chatId });
      }),
    "an edit of what runs": () =>
      recorded([[...answer(), gate("here")], [text("other", { chunk: 1 })]], async ({ chatId, script }) => {
        await script.reached("here");
        const { messages } = await replica.client.listMessages({ chatId });
        await replica.client.editMessage({
          chatId,
          messageId: messages[0]?.id ?? 0n,
          parts: says("differently"),
        });
      }),
    "an attempt that fails in its midst": () =>
      recorded([
        [...answer(), { kind: "streamError", message: "Overloaded", code: "overloaded_error" }],
        [...answer()],
      ]),
    "an attempt that fails for good": () =>
      recorded([[...answer(), { kind: "streamError", message: "no", code: "authentication_error" }]]),
    "a queue": () =>
      recorded(
        [[...answer(), gate("here")], [text("two", { chunk: 1 })], [text("three", { chunk: 1 })]],
        async ({ chatId, script }) => {
          await script.reached("here");
          for (const said of ["two", "three"])
            await replica.client.sendMessage({ chatId, parts: says(said), whenBusy: WhenBusy.QUEUE });
          await script.open("here");
        },
      ),
  };

  /**
   * What a subscriber gets who lost the connection after one of the responses: in the end the same view, every later message once and in
   * order, and the rest of the episode in which it was.
   */
  async function resumeEverywhere(
    client: ChatClient,
    { chatId, responses }: { chatId: string; responses: readonly Recorded[] },
    { exact }: { exact: boolean },
  ): Promise<void> {
    const end = shown(viewOf(responses));
    const resetsHistory = (events: readonly StreamEvent[]): boolean =>
      events.some(({ event }) => event.case === "historyReset");
    for (const [index, { cursor }] of responses.entries()) {
      expect(cursor).not.toBe("");
      expect(cursor.length).toBeLessThanOrEqual(256);
      const before = viewOf(responses.slice(0, index + 1));
      const rest = responses.slice(index + 1).flatMap(({ events }) => events);
      const resumed = await record(client, chatId, { cursor, view: before });
      const events = resumed.flatMap((response) => response.events);
      expect(shown(viewOf(resumed, before)), `after response ${index}`).toEqual(end);
      expect(events.filter(({ event }) => event.case === "caughtUp")).toHaveLength(1);
      if (!resetsHistory(rest)) {
        expect(messageIds(events), `after response ${index}`).toEqual(messageIds(rest));
        expect(resetsHistory(events)).toBe(false);
      }
      const statuses = events.flatMap(({ event }) => (event.case === "status" ? [event.value.status] : []));
      for (const [at, status] of statuses.entries())
        expect(status).not.toBe(statuses[at - 1] ?? before.status);
      if (!exact || before.step === undefined || resetsHistory(rest)) continue;
      const episode = episodeKey(before.step.episode);
      const wasReset = (all: readonly StreamEvent[]): boolean =>
        all.some(({ event }) => event.case === "previewReset");
      // A discarded attempt is taken back and not told to its end.
      if (wasReset(rest)) continue;
      expect(wasReset(events)).toBe(false);
      expect(deltaText(events, episode), `after response ${index}`).toBe(deltaText(rest, episode));
    }
  }

  it.each(Object.keys(stories))(
    "resuming after every response of %s gives exactly what followed (STREAM-3)",
    async (name) => {
      const story = await stories[name]?.();
      if (story === undefined) throw new Error("no such story");
      expect(story.responses.length).toBeGreaterThan(5);
      await resumeEverywhere(replica.client, story, { exact: true });
    },
  );

  it("resuming after a restart of the server gives what followed, without the fragments of committed steps", async () => {
    const recordings = await Promise.all(Object.values(stories).map((story) => story()));
    await using again = await restarted(replica);
    for (const recording of recordings) await resumeEverywhere(again.client, recording, { exact: false });
    // The others of this file go on with a replica of their own.
    replica = await startTestReplica({ engine, providers: server });
  });

  // The embedded database has one replica only.
  if (engine === "postgres") {
    it("a cursor of one replica works on another, also amid a step that runs elsewhere (STREAM-4)", async () => {
      const env = { ...replica.env, PALAVER_CONCURRENT_TURNS: "0", PALAVER_POLL: "200ms" };
      const other = await startReplica(loadConfig(env), { logger: silentLogger });
      const client = createClient(ChatService, createGrpcTransport({ baseUrl: other.url }));
      try {
        const recordings = await Promise.all(Object.values(stories).map((story) => story()));
        for (const recording of recordings) await resumeEverywhere(client, recording, { exact: false });

        const script = await server.script([...answer(), gate("here")]);
        const chatId = await newChat(replica.client, `anthropic/${script.model}`, "go");
        await passPauses(script);
        await script.reached("here");
        const responses = await record(replica.client, chatId, {
          isEnough: ({ step }) => textOf(step?.parts.at(-1)) === long,
        });
        const before = viewOf(responses);
        const rest = record(client, chatId, { cursor: before.cursor, view: before, isEnough: isIdle });
        await script.open("here");
        const after = viewOf(await rest, before);
        expect(shown(after)).toEqual(
          shown(viewOf(await record(replica.client, chatId, { isEnough: isIdle }))),
        );
        expect(textOf(after.messages.at(-1)?.parts.at(-1))).toBe(long);
      } finally {
        await other.stop({ graceMs: 0 });
      }
    });
  }

  it("resuming in the midst of a running step gives its rest, and then what comes", async () => {
    const script = await server.script([...answer(), gate("here"), text(" and the end", { chunk: 2 })]);
    const chatId = await newChat(replica.client, `anthropic/${script.model}`);
    const first = watched(
      chatId,
      ({ step }) => step !== undefined && JSON.stringify(step.parts.map(textOf)).includes(long.trim()),
    );
    await replica.client.sendMessage({ chatId, parts: says("go") });
    await passPauses(script, first);
    await script.reached("here");
    const responses = await first.responses;
    const midway = responses.flatMap(({ cursor }, index) =>
      index % 2 === 0 ? [{ cursor, view: viewOf(responses.slice(0, index + 1)) }] : [],
    );
    const others = midway.map(async ({ cursor, view }) => {
      const rest = await record(replica.client, chatId, { cursor, view, isEnough: isIdle });
      return { view, rest };
    });
    await script.open("here");
    for (const { view, rest } of await Promise.all(others)) {
      const events = rest.flatMap((response) => response.events);
      expect(events.some(({ event }) => event.case === "previewReset" || event.case === "historyReset")).toBe(
        false,
      );
      const { messages } = viewOf(rest, view);
      expect(messages.at(-1)?.parts.map(textOf)).toEqual([thought, `${long} and the end`]);
      if (view.step === undefined) continue;
      const [seen, followed] = [view.step.blocks.map(({ part }) => textOf(part)).join(""), deltasOf(events)];
      expect(seen + followed).toBe(`${thought}${long} and the end`);
    }
  });

  it("a cursor that is none, that was damaged, or is another chat's is refused (STREAM-4)", async () => {
    const { chatId, responses } = await recorded([[text("hello", { chunk: 1 })]]);
    const cursor = responses.at(-1)?.cursor ?? "";
    const other = await newChat(replica.client, "scripted/default");
    const damaged = `${cursor.slice(0, 9)}${cursor[9] === "A" ? "B" : "A"}${cursor.slice(10)}`;
    for (const [id, bad] of [
      [chatId, "nonsense"],
      [chatId, damaged],
      [chatId, cursor.slice(0, -4)],
      [chatId, `${cursor}AAAA`],
      [other, cursor],
    ] as const) {
      await expect(record(replica.client, id, { cursor: bad })).rejects.toMatchObject({
        code: 3,
        message: expect.stringContaining("cursor") as string,
      });
    }
    await replica.client.deleteChat({ chatId });
    await expect(record(replica.client, chatId, { cursor })).rejects.toMatchObject({ code: 5 });
  });

  it("a late joiner of an answer of 20,000 fragments gets a few events, and a reader that stops in its midst ends up exact (STREAM-6, STREAM-13)", async () => {
    const words = Array.from({ length: 20_000 }, (_, index) => `${String(index).padStart(5, "0")} `).join("");
    const script = await server.script([
      text("00000 "),
      gate("begin"),
      text(words, { chunk: 6 }),
      gate("late"),
    ]);
    const chatId = await newChat(replica.client, `openai-chat/${script.model}`, "go");
    await script.reached("begin");
    const stopping = new AbortController();
    const stopped = replica.client.subscribe({ chatId }, { signal: stopping.signal })[Symbol.asyncIterator]();
    const first = (await stopped.next()).value as Recorded;
    await script.open("begin");
    await script.reached("late");
    const late = await record(replica.client, chatId, { isEnough: ({ step }) => step !== undefined });
    // The provider waits until somebody has seen all of it.
    const all = await record(replica.client, chatId, {
      isEnough: ({ step }) => step !== undefined && textOf(step.parts[0]).length === words.length + 6,
    });
    expect(late.flatMap(({ events }) => events).length).toBeLessThan(50);
    await script.open("late");
    // It reads on only now that everything is over.
    await record(replica.client, chatId, { isEnough: isIdle });
    let view = viewOf([first]);
    while (!isIdle(view)) view = viewOf([(await stopped.next()).value as Recorded], view);
    stopping.abort();
    expect(view.messages.at(-1)?.parts.map(textOf)).toEqual([`00000 ${words}`]);
    expect(shown(view)).toEqual(shown(viewOf(await record(replica.client, chatId, { isEnough: isIdle }))));
    expect(textOf(viewOf(all).step?.parts[0])).toBe(`00000 ${words}`);
  });

  it("a reader that stops for too long gets everything all the same, or is told to come back and resumes exactly (STREAM-13)", async () => {
    await using small = await startTestReplica({
      engine,
      providers: server,
      env: { PALAVER_SUBSCRIBER_BACKLOG_BYTES: "2000000" },
    });
    const part = "x".repeat(100_000);
    const flood = Array.from({ length: 60 }, () => text(part));
    const script = await server.script([
      text("begin"),
      gate("begin"),
      ...flood,
      gate("more"),
      ...flood,
      gate("late"),
    ]);
    const chatId = await newChat(small.client, `openai-chat/${script.model}`, "go");
    await script.reached("begin");
    const reading = small.client.subscribe({ chatId })[Symbol.asyncIterator]();
    let view = viewOf([(await reading.next()).value as Recorded]);
    /** Whoever looks now sees so much of it. */
    const shows = (length: number): Promise<boolean> =>
      until(
        async () => {
          const responses = await record(small.client, chatId).catch(() => []);
          return textOf(viewOf(responses).step?.parts[0]).length === length;
        },
        { what: `${length} characters` },
      );
    await script.open("begin");
    // Its stream is full by then, and it has left more than it may when the rest comes.
    await shows(5 + 60 * part.length);
    await script.open("more");
    await script.reached("late");
    await shows(5 + 120 * part.length);
    // How much of it the connection holds on its own, and so whether the server notices, is not ours to say.
    const whole = `begin${part.repeat(120)}`;
    const failure = await (async () => {
      while (textOf(view.step?.parts[0]) !== whole) {
        const next = await reading.next();
        if (next.done === true) throw new Error("the stream ended");
        view = viewOf([next.value], view);
      }
      return undefined;
    })().catch((error: unknown) => error);
    if (failure !== undefined) expect(failure).toMatchObject({ code: 8 });
    await script.open("late");
    const rest = await record(small.client, chatId, { cursor: view.cursor, view, isEnough: isIdle });
    const events = rest.flatMap((response) => response.events);
    expect(events.some(({ event }) => event.case === "previewReset")).toBe(false);
    const end = viewOf(rest, view);
    expect(textOf(end.messages.at(-1)?.parts[0])).toBe(whole);
    expect(textOf(view.step?.parts[0]) + deltasOf(events)).toBe(whole);
  });

  it("a step that generates more than the server accepts fails, and nothing of it is committed", async () => {
    await using small = await startTestReplica({
      engine,
      providers: server,
      env: { PALAVER_MAX_STEP_BYTES: "50000" },
    });
    const script = await server.script([...Array.from({ length: 9 }, () => text("x".repeat(10_000)))]);
    const chatId = await newChat(small.client, `openai-chat/${script.model}`, "go");
    const view = viewOf(await record(small.client, chatId, { isEnough: isIdle }));
    expect(view.status).toBe(ChatStatus.ERROR);
    expect(view.error).toMatchObject({ kind: ChatErrorKind.GENERIC, retryable: false });
    expect(view.error?.message).toContain("larger than this server accepts");
    expect(view.messages).toHaveLength(1);
    expect(view.step).toBeUndefined();
  });

  it("a chat with more messages than fit into one read arrives whole, and can be resumed in its midst", async () => {
    const rows = Array.from({ length: 700 }, (_, index) => ({
      role: index % 2 === 0 ? "user" : "assistant",
      contentVersion: 2,
      contentJson: JSON.stringify([{ type: "text", text: `message ${index}` }]),
    }));
    const imports = createClient(ImportService, createGrpcTransport({ baseUrl: replica.url }));
    let chatId = "";
    for await (const { event } of imports.importMessages({ rows }))
      if (event.case === "result") chatId = event.value.chat?.id ?? "";
    const responses = await record(replica.client, chatId);
    expect(responses.length).toBeGreaterThan(2);
    expect(viewOf(responses).messages).toHaveLength(700);
    await resumeEverywhere(replica.client, { chatId, responses }, { exact: true });
  });
});

/** The same data under a new replica. */
async function restarted(replica: TestReplica): Promise<AsyncDisposable & { client: ChatClient }> {
  await replica.stop();
  const again = await startReplica(loadConfig(replica.env), { logger: silentLogger });
  return {
    client: createClient(ChatService, createGrpcTransport({ baseUrl: again.url })),
    [Symbol.asyncDispose]: async () => {
      await again.stop();
      await replica[Symbol.asyncDispose]();
    },
  };
}

function messageIds(events: readonly StreamEvent[]): bigint[] {
  return events.flatMap(({ event }) => (event.case === "message" ? [event.value.message?.id ?? 0n] : []));
}

function textOf(
  part: { readonly kind: { readonly case?: string | undefined; readonly value?: unknown } } | undefined,
): string {
  const { kind } = part ?? {};
  if (kind?.case !== "text" && kind?.case !== "reasoning") return "";
  return (kind.value as { text: string }).text;
}

function deltasOf(events: readonly StreamEvent[]): string {
  return events.map(({ event }) => (event.case === "messagePart" ? textOf(event.value.part) : "")).join("");
}
