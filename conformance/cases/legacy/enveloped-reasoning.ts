import { toBinary } from "@bufbuild/protobuf";
import { ParsedRowSchema } from "../../../src/gen/palaver/chat/v1/import_service_pb.js";
import { MessageSchema } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { history } from "../kit/chats.js";
import { missingItems, promptItems } from "../kit/prompt-items.js";
import { askOn } from "../kit/stored-row-prompt.js";
import {
  importer,
  importRows,
  parseRows,
  readingOf,
  readingsOf,
  type Row,
  textRow,
} from "../kit/stored-rows.js";

export const envelopedReasoning = defineCase({
  id: "legacy/enveloped-reasoning",
  title: "what an older system kept of reasoning for the provider goes back to it, and to no client",
  rules: ["PART-4"],
  level: "MUST",
  profile: "legacy",
  needs: ["vectors", "model", "anthropic"],
  mutant: "M93",
  limitMs: 30_000,
  run: async (context) => {
    const { arrange, canary, check, modelName, waitFor } = context;
    const signature = canary();
    const envelopes = [
      { type: "reasoning", data: { text: "weighing", provider_metadata: { anthropic: { signature } } } },
      { type: "text", data: { text: "done" } },
    ];
    const rows: Row[] = [
      textRow("user", "What do you know?"),
      {
        role: "assistant",
        contentVersion: 0,
        contentJson: JSON.stringify(envelopes),
        model: modelName("anthropic") ?? "",
      },
    ];
    const shown = { parts: [{ reasoning: { text: "weighing" } }, { text: { text: "done" } }] };
    const [, parsed] = await waitFor(
      { rule: "PART-4", sentence: "ParseRows answers", happens: () => parseRows(context, rows) },
      "response",
    );
    check("PART-4", "ParseRows shows the reasoning", {
      expected: shown,
      observed: parsed === undefined ? undefined : readingOf(parsed),
    });
    const { chat } = await arrange("an imported chat", "response", (signal) =>
      importRows(context, rows, { dialect: "anthropic", signal }),
    );
    const asked = await waitFor(
      {
        rule: "PART-4",
        sentence: "the chat goes on",
        happens: (signal) => askOn(context, chat.id, { signal }),
      },
      "response",
    );
    const wanted = { kind: "reasoning", text: "weighing", signature } as const;
    check("PART-4", "the model is sent its reasoning with the signature that it gave to it", {
      expected: [],
      observed: asked.call === undefined ? [asked.error] : missingItems([wanted], promptItems(asked.call)),
    });
    const listed = await waitFor(
      {
        rule: "PART-4",
        sentence: "its history is listed",
        happens: () => history(context, chat.id, importer),
      },
      "response",
    );
    check("PART-4", "ListMessages shows the reasoning", { expected: shown, observed: readingsOf(listed)[1] });
    // With fields that nobody knows.
    const bytes = [
      ...listed.map((message) => toBinary(MessageSchema, message)),
      ...(parsed === undefined ? [] : [toBinary(ParsedRowSchema, parsed)]),
    ];
    check("PART-4", "no client is sent the signature", {
      expected: 0,
      observed: bytes.filter((each) => Buffer.from(each).includes(signature)).length,
    });
  },
});
