import { defineCase } from "../../suite/cases/define-case.js";
import { getChat, history } from "../kit/chats.js";
import { askOn } from "../kit/stored-row-prompt.js";
import { importer, importRows, readingsOf, type Row, textRow } from "../kit/stored-rows.js";

const rows: readonly Row[] = [
  textRow("user", "before"),
  { role: "assistant", contentVersion: 0, contentJson: '"no text may stand here"' },
  { role: "tool", contentVersion: 1, contentJson: '[{"type":"tool-result","tool_call_id":7}]' },
  { role: "narrator", contentVersion: 1, contentJson: '[{"type":"text","text":"aside"}]' },
  textRow("assistant", "after"),
];

const shown = [
  { parts: [{ text: { text: "before" } }] },
  { error: "malformed_content" },
  { error: "malformed_content" },
  { error: "unsupported_role" },
  { parts: [{ text: { text: "after" } }] },
];

export const corruptRowIsolated = defineCase({
  id: "legacy/corrupt-row-isolated",
  title: "a row that cannot be read is marked as such, and the rest of its chat is served",
  rules: ["PART-7", "ERR-2"],
  level: "MUST",
  profile: "legacy",
  needs: ["vectors", "model"],
  mutant: "M35",
  limitMs: 30_000,
  run: async (context) => {
    const { check, waitFor, watch } = context;
    const { chat, problems } = await waitFor(
      {
        rule: "PART-7",
        sentence: "rows that cannot be read do not refuse an import",
        happens: (signal) => importRows(context, rows, { signal }),
      },
      "response",
    );
    check("PART-7", "the import names those that cannot be read", {
      expected: shown.flatMap(({ error }, index) => (error === undefined ? [] : [{ index, error }])),
      observed: problems.map(({ index, error }) => ({ index, error })),
    });
    const listed = await waitFor(
      {
        rule: "PART-7",
        sentence: "the history is listed",
        happens: () => history(context, chat.id, importer),
      },
      "response",
    );
    check("PART-7", "ListMessages marks them, and shows the others", {
      expected: shown,
      observed: readingsOf(listed),
    });
    const watcher = watch(chat.id, importer);
    const { messages } = await waitFor(
      {
        rule: "PART-7",
        sentence: "a snapshot is complete",
        happens: (signal) => watcher.caughtUp({ signal }),
      },
      "response",
    );
    check("PART-7", "a snapshot marks them, and shows the others", {
      expected: shown,
      observed: readingsOf(messages.values()),
    });

    const asked = await waitFor(
      {
        rule: "ERR-2",
        sentence: "the next turn comes to an end, on a stream that goes on",
        happens: (signal) => askOn(context, chat.id, { signal }),
      },
      "response",
    );
    check("ERR-2", "the turn fails for the configuration, and the model is not asked", {
      expected: { error: "CONFIG" },
      observed: asked.error === undefined ? asked.call : { error: asked.error },
    });
    const later = await waitFor(
      {
        rule: "ERR-2",
        sentence: "the chat is still there",
        happens: () => getChat(context, chat.id, importer),
      },
      "response",
    );
    check("ERR-2", "the error is stored", {
      expected: watcher.view.error,
      observed: later.error,
      holds: later.error !== undefined && later.error.message === watcher.view.error?.message,
    });
  },
});
