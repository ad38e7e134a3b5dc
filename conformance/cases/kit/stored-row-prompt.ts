import { ChatErrorKind } from "../../../src/gen/palaver/chat/v1/error_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import type { ModelCall } from "../../surroundings/scripted-model/model-call.js";
import type { CaseContext } from "../../suite/cases/case-context.js";
import type { RuleId } from "../../suite/rules/requirements.js";
import type { ContentVector } from "../../vectors/content-vectors.js";
import { send } from "./chats.js";
import { itemsOf, missingItems, promptItems } from "./prompt-items.js";
import { importer, importRows, type Row, rowOf, textRow } from "./stored-rows.js";

type Acting = Pick<CaseContext, "client" | "modelName" | "model" | "watch">;

/** What came of a turn over imported rows: what the model was sent; or, when it was not asked, the kind of the error. */
export type Asked =
  | { readonly call: Pick<ModelCall, "dialect" | "rawBody">; readonly error?: never }
  | { readonly call?: never; readonly error: string };

/** Says something in a chat whose history was imported, and waits for the end of the turn. */
export async function askOn(
  context: Acting,
  chatId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<Asked> {
  const { model, watch } = context;
  const script = model.script([text("Fine.")]);
  using watcher = watch(chatId, importer);
  const before = (await watcher.caughtUp({ signal })).messages.size;
  await send(context, chatId, script.says("Go on."), importer);
  const { error } = await watcher.settled(
    { signal },
    (view) => view.error !== undefined || view.messages.size >= before + 2,
  );
  const [call] = script.calls;
  if (call !== undefined) return { call };
  if (error !== undefined) return { error: ChatErrorKind[error.kind] };
  throw new Error("the turn ended without a call of the model");
}

/** The rows of a history that the vector's row is the last of: a question before what answers it, calls before their results. */
function rowsBefore({ role, expect }: ContentVector): Row[] {
  if (role === "user") return [];
  const question = textRow("user", "What do you know?");
  if (role !== "tool" || "error" in expect) return [question];
  const calls = expect.parts.flatMap((part) => {
    const { toolResult: result } = part as { toolResult?: ToolResult };
    return result === undefined || result.providerExecuted === true
      ? []
      : [
          {
            type: "tool-call",
            tool_call_id: escaped(result.toolCallId ?? ""),
            tool_name: escaped(result.toolName ?? ""),
            args_json: "{}",
          },
        ];
  });
  return [question, { role: "assistant", contentVersion: 2, contentJson: JSON.stringify(calls) }];
}

interface ToolResult {
  readonly toolCallId?: string;
  readonly toolName?: string;
  readonly providerExecuted?: boolean;
}

/** As texts stand in content of version 2. */
function escaped(plain: string): string {
  return plain.replaceAll("\uE000", "\uE000\uE000").replaceAll("\u0000", "\uE000\uE001");
}

/** How many chats go on at once. */
const width = 2;

/**
 * Goes on after each of these vectors, in a chat of its own, and checks that the model was sent what the row says. A row that cannot be read
 * has no place in a prompt: the model is not asked, and the turn fails.
 */
export async function checkPrompts<R extends RuleId>(
  context: CaseContext<R>,
  rule: R,
  vectors: readonly ContentVector[],
  dialect: "openai" | "anthropic" = "openai",
): Promise<void> {
  const { arrange, check, modelName, waitFor } = context;
  const model = modelName(dialect) ?? "";
  const waiting = [...vectors];
  const some = async (): Promise<void> => {
    for (let vector = waiting.shift(); vector !== undefined; vector = waiting.shift()) {
      const { id, role, prompt } = vector;
      const row = role === "assistant" ? { ...rowOf(vector), model } : rowOf(vector);
      const rows = [...rowsBefore(vector), row];
      const { chat } = await arrange(`a chat that ends with ${id}`, "response", (signal) =>
        importRows(context, rows, { dialect, signal }),
      );
      const asked = await waitFor(
        {
          rule,
          sentence: `a chat goes on after ${id}`,
          happens: (signal) => askOn(context, chat.id, { signal }),
        },
        "response",
      );
      check(rule, `the turn after ${id} fails if there is no prompt, and only then`, {
        expected: "error" in prompt ? "CONFIG" : "no error",
        observed: asked.error ?? "no error",
      });
      const missing =
        asked.call === undefined ? [] : missingItems(itemsOf(vector, dialect), promptItems(asked.call));
      check(rule, `the model is sent what ${id} says`, { expected: [], observed: missing });
    }
  };
  await Promise.all(Array.from({ length: width }, some));
}
