import { defineCase } from "../../suite/cases/define-case.js";
import { type ContentVector, contentVectors } from "../../vectors/content-vectors.js";
import { history } from "../kit/chats.js";
import { checkPrompts } from "../kit/stored-row-prompt.js";
import {
  importer,
  importRows,
  misreadings,
  parseRows,
  readingOf,
  readingsOf,
  rowOf,
} from "../kit/stored-rows.js";

export const readPathsAgree = defineCase({
  id: "legacy/read-paths-agree",
  title: "ParseRows, the list, the snapshot and the next prompt agree on every vector of the corpus",
  rules: ["PART-2"],
  level: "MUST",
  profile: "legacy",
  needs: ["vectors", "model"],
  mutant: "M103",
  limitMs: 240_000,
  run: async (context) => {
    const { check, precondition, waitFor, watch } = context;
    precondition("there are vectors", contentVectors.length > 100);
    const agree = (
      where: string,
      vectors: readonly ContentVector[],
      readings: ReturnType<typeof readingsOf>,
    ) =>
      check("PART-2", `${where} reads every row as it has to be read`, {
        expected: { rows: vectors.length, wrong: [] },
        observed: { rows: readings.length, wrong: misreadings(vectors, readings) },
      });
    const parsed = await waitFor(
      {
        rule: "PART-2",
        sentence: "ParseRows answers",
        happens: () => parseRows(context, contentVectors.map(rowOf)),
      },
      "response",
    );
    agree("ParseRows", contentVectors, parsed.map(readingOf));

    const complete = contentVectors.filter((vector) => !lacksFields(vector));
    const { chat } = await waitFor(
      {
        rule: "PART-2",
        sentence: "the rows become a chat",
        happens: (signal) => importRows(context, complete.map(rowOf), { signal }),
      },
      "response",
    );
    const listed = await waitFor(
      {
        rule: "PART-2",
        sentence: "its history is listed",
        happens: () => history(context, chat.id, importer),
      },
      "response",
    );
    agree("ListMessages", complete, readingsOf(listed));
    const { messages } = await waitFor(
      {
        rule: "PART-2",
        sentence: "a snapshot of it is complete",
        happens: (signal) => watch(chat.id, importer).caughtUp({ signal }),
      },
      "response",
    );
    agree("a snapshot", complete, readingsOf(messages.values()));
    await checkPrompts(context, "PART-2", complete);
  },
});

/**
 * Whether the row had no such thing as an id, a name or a URL, which parts have to have: that is no example of what subscribers may be sent.
 */
function lacksFields({ expect }: ContentVector): boolean {
  if ("error" in expect) return false;
  return expect.parts.some((part) => {
    const { toolResult, source } = part as { toolResult?: object; source?: object };
    return (
      (toolResult !== undefined && !("toolCallId" in toolResult)) ||
      (source !== undefined && !("url" in source))
    );
  });
}
