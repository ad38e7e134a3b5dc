import { invalidArgument, type PalaverError } from "../protocol/index.js";
import type { ChatCondition, ChatStatusName } from "../store/index.js";

/**
 * Reads the filter of ListChats: a subset of AIP-160. Conditions joined by AND; `=` compares, `:` on a title finds a part of it
 * without regard to case. Values are words, or strings in double quotes with `\"` and `\\`.
 *
 * @throws PalaverError INVALID_FILTER that says where and why
 */
export function parseChatFilter(filter: string): ChatCondition[] {
  const tokens = tokenize(filter);
  const conditions: ChatCondition[] = [];
  let at = 0;
  const next = (): Token | undefined => tokens[at++];
  while (at < tokens.length) {
    if (conditions.length > 0) {
      const and = next();
      if (and?.type !== "word" || and.text !== "AND") throw invalid(`expected AND at ${place(and)}`);
    }
    const [field, operator, value] = [next(), next(), next()];
    if (field?.type !== "word") throw invalid(`expected a field at ${place(field)}`);
    if (operator?.type !== "operator") throw invalid(`expected = or : after ${field.text}`);
    if (value === undefined || value.type === "operator") throw invalid(`expected a value for ${field.text}`);
    conditions.push(conditionOf(field.text, operator.text, value));
  }
  if (!conditions.some((condition) => condition.field === "archived"))
    conditions.push({ field: "archived", equals: false });
  return conditions;
}

type Token = { readonly type: "word" | "string" | "operator"; readonly text: string; readonly at: number };

function tokenize(filter: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s*(?:(?<operator>[=:])|"(?<string>(?:[^"\\]|\\["\\])*)"|(?<word>[^\s=:"]+))/uy;
  const end = filter.trimEnd().length;
  while (pattern.lastIndex < end) {
    const at = pattern.lastIndex;
    const groups = pattern.exec(filter)?.groups;
    if (groups === undefined) throw invalid(`unexpected character at position ${at + 1}`);
    if (groups["operator"] !== undefined) tokens.push({ type: "operator", text: groups["operator"], at });
    else if (groups["string"] !== undefined)
      tokens.push({ type: "string", text: groups["string"].replace(/\\(.)/gu, "$1"), at });
    else tokens.push({ type: "word", text: groups["word"] ?? "", at });
  }
  return tokens;
}

const statuses: readonly ChatStatusName[] = [
  "pending",
  "running",
  "interrupting",
  "requires_action",
  "waiting",
  "error",
];

function conditionOf(field: string, operator: string, value: Token): ChatCondition {
  if (operator === ":" && field !== "title") throw invalid(`${field} can only be compared with =`);
  if (field.startsWith("labels.") && field.length > "labels.".length) {
    return { field: "label", key: field.slice("labels.".length), equals: value.text };
  }
  switch (field) {
    case "archived":
    case "pinned":
      if (value.text !== "true" && value.text !== "false") throw invalid(`${field} is true or false`);
      return { field, equals: value.text === "true" };
    case "title":
      return operator === ":" ? { field, contains: value.text } : { field, equals: value.text };
    case "model":
      return { field, equals: value.text };
    case "status": {
      const status = statuses.find((name) => name === value.text.toLowerCase());
      if (status === undefined) throw invalid(`status is one of ${statuses.join(", ").toUpperCase()}`);
      return { field, equals: status };
    }
    default:
      throw invalid(`there is no field ${field}; use archived, pinned, status, title, model or labels.KEY`);
  }
}

function place(token: Token | undefined): string {
  return token === undefined ? "the end" : `position ${token.at + 1}`;
}

function invalid(description: string): PalaverError {
  return invalidArgument("INVALID_FILTER", "filter", description);
}
