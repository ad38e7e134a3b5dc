import { type Case, defineCase } from "../../suite/cases/define-case.js";
import type { Need } from "../../suite/cases/vocabulary.js";
import type { RuleId } from "../../suite/rules/requirements.js";
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

export interface CorpusCase<R extends RuleId> {
  readonly slug: string;
  readonly title: string;
  readonly rule: R;
  readonly mutant: `M${number}`;
  /** Of the corpus, by id. */
  readonly vectors: readonly [string, ...string[]];
  /** Whether the model is asked too, and in which dialect. */
  readonly prompts?: "openai" | "anthropic";
}

/** A case about some of the vectors: they read as they have to by ParseRows, in a list and in a snapshot, and the model is sent what they say. */
export function corpusCase<const R extends RuleId>({
  slug,
  title,
  rule,
  mutant,
  vectors,
  prompts,
}: CorpusCase<R>): Case {
  const chosen = vectors.map(vectorOf);
  const needs: Need[] = ["vectors"];
  if (prompts !== undefined) needs.push("model");
  if (prompts === "anthropic") needs.push("anthropic");
  return defineCase<R>({
    id: `legacy/${slug}`,
    title,
    rules: [rule],
    level: "MUST",
    profile: "legacy",
    needs,
    mutant,
    limitMs: 60_000,
    run: async (context) => {
      const { check, waitFor, watch } = context;
      const rows = chosen.map(rowOf);
      const parsed = await waitFor(
        { rule, sentence: "ParseRows answers", happens: () => parseRows(context, rows) },
        "response",
      );
      check(rule, "ParseRows reads each row as it has to be read", {
        expected: [],
        observed: misreadings(chosen, parsed.map(readingOf)),
      });

      const { chat } = await waitFor(
        {
          rule,
          sentence: "the rows become a chat",
          happens: (signal) => importRows(context, rows, { signal }),
        },
        "response",
      );
      const listed = await waitFor(
        { rule, sentence: "its history is listed", happens: () => history(context, chat.id, importer) },
        "response",
      );
      check(rule, "ListMessages shows each row as it has to be read", {
        expected: [],
        observed: misreadings(chosen, readingsOf(listed)),
      });
      const { messages } = await waitFor(
        {
          rule,
          sentence: "a snapshot of it is complete",
          happens: (signal) => watch(chat.id, importer).caughtUp({ signal }),
        },
        "response",
      );
      check(rule, "a snapshot shows each row as it has to be read", {
        expected: [],
        observed: misreadings(chosen, readingsOf(messages.values())),
      });
      if (prompts !== undefined) await checkPrompts(context, rule, chosen, prompts);
    },
  });
}

/** @throws when there is none of that name: a case that lost its vector would look at nothing */
function vectorOf(id: string): ContentVector {
  const found = contentVectors.find((vector) => vector.id === id);
  if (found === undefined) throw new Error(`there is no vector ${id}`);
  return found;
}
