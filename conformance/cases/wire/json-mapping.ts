import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { Frame } from "../../surroundings/clients/call.js";
import { finish, gate, text, toolCall } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send } from "../kit/chats.js";
import { has, shownText, watchedChat } from "../kit/subscriptions.js";

const { method } = ChatService;
const args = '{"z":9007199254740993,"a":null}';
const digits = /^\d+$/;
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}|\d{6}|\d{9}))?Z$/;

type Json = Readonly<Record<string, unknown>>;

export const jsonMapping = defineCase({
  id: "wire/json-mapping",
  title:
    "JSON is that of Protocol Buffers: integers of 64 bits as text, enums by name, times, nothing that is not set",
  rules: ["COMPAT-3", "PART-3"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M34",
  wires: ["connect+json"],
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, client, model, use, waitFor } = context;
    const { chatId, watcher } = await watchedChat(context);
    const script = model.script(
      [toolCall("look", args), finish("tool_calls", { input: 12, output: 3 })],
      [text("done"), gate("shown")],
    );
    await arrange("a message", "response", () => send(context, chatId, script.says("go")));
    await arrange("deltas are shown", "response", async (signal) => {
      await script.reached("shown", { signal });
      await watcher.until("deltas", (_, events) => shownText(events) === "done", { signal });
    });
    script.open("shown");
    await arrange("its turn", "response", (signal) => watcher.settled({ signal }, has(4)));

    const getting = use(client().call(method.getChat, { chatId }));
    const listing = use(client().call(method.listMessages, { chatId }));
    for (const call of [getting, listing])
      await waitFor(
        { rule: "COMPAT-3", sentence: `${call.path} ends`, happens: (signal) => call.ended({ signal }) },
        "response",
      );
    const chat = objectAt(jsonOf(getting.frames)[0], "chat");
    const versions = objectAt(chat, "versions");
    const messages = listAt(jsonOf(listing.frames)[0], "messages");
    const [user, called] = messages;
    const [part] = listAt(called, "parts");
    const usage = objectAt(called, "usage");

    check("COMPAT-3", "integers of 64 bits are text", {
      expected: "digits in quotes",
      observed: [versions["snapshotVersion"], user?.["id"], user?.["revision"], usage["inputTokens"]],
      holds: [versions["snapshotVersion"], user?.["id"], user?.["revision"], usage["inputTokens"]].every(
        (value) => typeof value === "string" && digits.test(value),
      ),
    });
    check("COMPAT-3", "enums stand there by name", {
      expected: ["CHAT_STATUS_WAITING", "ROLE_USER", "ROLE_ASSISTANT"],
      observed: [chat["status"], user?.["role"], called?.["role"]],
    });
    check("COMPAT-3", "times are RFC 3339 in UTC", {
      expected: "two times",
      observed: [chat["createTime"], user?.["createTime"]],
      holds: [chat["createTime"], user?.["createTime"]].every(
        (value) => typeof value === "string" && instant.test(value),
      ),
    });
    // Readers take a default for what is missing, so a writer may leave it out or not; what has presence has to be missing.
    check("COMPAT-3", "what is not set is not there", {
      expected: [undefined, undefined, undefined],
      observed: [chat["error"], chat["retry"], usage["cacheWriteTokens"]],
    });
    check("PART-3", "arguments stay the text that the model wrote", {
      expected: args,
      observed: objectAt(part, "toolCall")["argsJson"],
    });
    const events = jsonOf(watcher.call.frames).flatMap((response) => listAt(response, "events"));
    const positions = events.flatMap((event) => {
      if (!("messagePart" in event)) return [];
      const delta = objectAt(event, "messagePart");
      return [delta["firstSeq"], delta["seq"], objectAt(delta, "episode")["historyVersion"]];
    });
    check("COMPAT-3", "it is the same in streams", {
      expected: "positions as digits in quotes",
      observed: positions,
      holds:
        positions.length > 0 && positions.every((value) => typeof value === "string" && digits.test(value)),
    });
  },
});

function jsonOf(frames: readonly Frame[]): Json[] {
  return frames.flatMap((frame) =>
    frame.kind === "message" ? [JSON.parse(new TextDecoder().decode(frame.bytes)) as Json] : [],
  );
}

function objectAt(json: Json | undefined, key: string): Json {
  const value = json?.[key];
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function listAt(json: Json | undefined, key: string): readonly Json[] {
  const value = json?.[key];
  return Array.isArray(value) ? (value as Json[]) : [];
}
