import { toBinary } from "@bufbuild/protobuf";
import { type Message, MessageSchema } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { getChat, history } from "../kit/chats.js";
import { askOn } from "../kit/stored-row-prompt.js";
import { importer, importRows, type Row, textRow } from "../kit/stored-rows.js";

const rows: readonly Row[] = [
  { role: "user", contentVersion: 0, contentJson: '"an old question"' },
  { role: "assistant", contentVersion: 0, contentJson: '[{"type":"text","data":{"text":"an old answer"}}]' },
  { role: "user", contentVersion: 1, contentJson: '[{"type":"text","text":"a question","title":""}]' },
  textRow("assistant", "an answer"),
];

export const noRewriteOnRead = defineCase({
  id: "legacy/no-rewrite-on-read",
  title: "reading old rows leaves them, their revisions and the chat's versions as they are",
  rules: ["MSG-3", "CHAT-3"],
  level: "MUST",
  profile: "legacy",
  needs: ["vectors", "model"],
  mutant: "M104",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, waitFor, watch } = context;
    const { chat } = await arrange("an imported chat", "response", (signal) =>
      importRows(context, rows, { signal }),
    );
    const list = (): Promise<Message[]> => history(context, chat.id, importer);
    const first = await arrange("its history", "response", list);
    await arrange("a snapshot of it", "response", (signal) => watch(chat.id, importer).caughtUp({ signal }));
    const second = await waitFor(
      { rule: "MSG-3", sentence: "its history is listed again", happens: list },
      "response",
    );
    check("MSG-3", "it is the same, revisions included", {
      expected: first.map(bytesOf),
      observed: second.map(bytesOf),
    });
    const read = await waitFor(
      { rule: "CHAT-3", sentence: "GetChat answers", happens: () => getChat(context, chat.id, importer) },
      "response",
    );
    check("CHAT-3", "no version has advanced", { expected: chat.versions, observed: read.versions });

    await arrange("a turn that reads it", "response", (signal) => askOn(context, chat.id, { signal }));
    const third = await waitFor(
      { rule: "MSG-3", sentence: "its history is listed after a turn", happens: list },
      "response",
    );
    check("MSG-3", "a turn appends to it, and leaves what there was, revisions included", {
      expected: [...first.map(bytesOf), "user", "assistant"],
      observed: [...third.slice(0, first.length).map(bytesOf), ...third.slice(first.length).map(roleOf)],
    });
  },
});

/** All of a message, to be compared. */
function bytesOf(message: Message): string {
  return Buffer.from(toBinary(MessageSchema, message)).toString("base64");
}

function roleOf({ role }: Message): string {
  return { 2: "user", 3: "assistant" }[role as number] ?? String(role);
}
