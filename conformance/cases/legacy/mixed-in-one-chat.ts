import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { defineCase } from "../../suite/cases/define-case.js";
import { history, told } from "../kit/chats.js";
import { askOn } from "../kit/stored-row-prompt.js";
import { importer, importRows, type Row } from "../kit/stored-rows.js";

const rows: readonly Row[] = [
  { role: "user", contentVersion: 0, contentJson: '"word-1"' },
  { role: "assistant", contentVersion: 2, contentJson: '[{"type":"text","text":"word-2"}]' },
  { role: "user", contentVersion: 1, contentJson: '[{"type":"text","text":"word-3"}]' },
  { role: "assistant", contentVersion: 0, contentJson: '[{"type":"text","data":{"text":"word-4"}}]' },
  { role: "user", contentVersion: 2, contentJson: '[{"type":"text","text":"word-5"}]' },
  { role: "assistant", contentVersion: 1, contentJson: '[{"type":"text","text":"word-6"}]' },
  { role: "user", contentVersion: 0, contentJson: '[{"type":"text","data":{"text":"word-7"}}]' },
  { role: "assistant", contentVersion: 2, contentJson: '[{"type":"text","text":"word-8"}]' },
];

const words = rows.map((_, index) => `word-${index + 1}`);
const conversation = words.map((word, index) => `${index % 2 === 0 ? "user" : "assistant"}: ${word}`);

export const mixedInOneChat = defineCase({
  id: "legacy/mixed-in-one-chat",
  title: "old and new rows in one chat are served in their order, whatever their times say",
  rules: ["MSG-1"],
  level: "MUST",
  profile: "legacy",
  needs: ["vectors", "model"],
  mutant: "M99",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, check, waitFor, watch } = context;
    // Each row older than the one before it.
    const timed = rows.map((row, index) => ({
      ...row,
      createTime: timestampFromDate(new Date(Date.UTC(2020, 0, 31 - index))),
    }));
    const { chat } = await arrange("an imported chat", "response", (signal) =>
      importRows(context, timed, { signal }),
    );
    const listed = await waitFor(
      {
        rule: "MSG-1",
        sentence: "its history is listed",
        happens: () => history(context, chat.id, importer),
      },
      "response",
    );
    check("MSG-1", "ListMessages has the rows in their order", {
      expected: conversation,
      observed: told(listed),
    });
    const ids = listed.map(({ id }) => id);
    check("MSG-1", "ids are positive and increase", {
      expected: "increasing",
      observed: ids,
      holds: ids.every((id, index) => id > (ids[index - 1] ?? 0n)),
    });
    const { messages } = await waitFor(
      {
        rule: "MSG-1",
        sentence: "a snapshot is complete",
        happens: (signal) => watch(chat.id, importer).caughtUp({ signal }),
      },
      "response",
    );
    check("MSG-1", "a snapshot has the same messages with the same ids", {
      expected: listed.map(({ id, parts }) => ({ id, parts })),
      observed: [...messages.values()].map(({ id, parts }) => ({ id, parts })),
    });
    const asked = await waitFor(
      {
        rule: "MSG-1",
        sentence: "the chat goes on",
        happens: (signal) => askOn(context, chat.id, { signal }),
      },
      "response",
    );
    const sent = asked.call?.rawBody ?? "";
    check("MSG-1", "the model is sent the rows in their order", {
      expected: words,
      observed: sent.match(/word-\d/g) ?? [asked.error],
    });
  },
});
