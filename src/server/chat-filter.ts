import { invalidArgument, type PalaverError } from "../protocol/index.js";
import type { ChatFilter, ChatStatusName } from "../store/index.js";

/**
 * Reads the filter of ListChats: a subset of AIP-160. Conditions joined by AND; `=` compares, `:` on a title finds a part of it
 * without regard to case. Values are words, or strings in double quotes with `\"` and `\\`. What can only have one value is
 * compared once; a title may have to hold several parts.
 *
 * @throws PalaverError INVALID_FILTER that says where and why
 */
export function parseChatFilter(filter: string): ChatFilter {
  const tokens = tokenize(filter);
  const found: Conditions = { titleContains: [], labels: new Map() };
  let at = 0;
  const next = (): Token | undefined => tokens[at++];
  while (at < tokens.length) {
    if (at > 0) {
      const and = next();
      if (and?.type !== "word" || and.text !== "AND") throw invalid(`expected AND at ${place(and)}`);
    }
    const [field, operator, value] = [next(), next(), next()];
    if (field?.type !== "word") throw invalid(`expected a field at ${place(field)}`);
    if (operator?.type !== "operator") throw invalid(`expected = or : after ${field.text}`);
    if (value === undefined || value.type === "operator") throw invalid(`expected a value for ${field.text}`);
    addCondition(found, field.text, operator.text, value.text);
  }
  return { ...found, archived: found.archived ?? false, labels: Object.fromEntries(found.labels) };
}

interface Conditions {
  archived?: boolean;
  pinned?: boolean;
  model?: string;
  title?: string;
  titleContains: string[];
  status?: ChatStatusName;
  labels: Map<string, string>;
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

const maxTitleParts = 10;

function addCondition(found: Conditions, field: string, operator: string, value: string): void {
  if (operator === ":") {
    if (field !== "title") throw invalid(`${field} can only be compared with =`);
    if (found.titleContains.length === maxTitleParts)
      throw invalid(`title : can be given ${maxTitleParts} times at most`);
    found.titleContains.push(value);
    return;
  }
  if (field.startsWith("labels.") && field.length > "labels.".length) {
    const key = field.slice("labels.".length);
    if (found.labels.has(key)) throw twice(field);
    found.labels.set(key, value);
    return;
  }
  switch (field) {
    case "archived":
    case "pinned":
      if (found[field] !== undefined) throw twice(field);
      if (value !== "true" && value !== "false") throw invalid(`${field} is true or false`);
      found[field] = value === "true";
      return;
    case "title":
    case "model":
      if (found[field] !== undefined) throw twice(field);
      found[field] = value;
      return;
    case "status": {
      if (found.status !== undefined) throw twice(field);
      const status = statuses.find((name) => name === value.toLowerCase());
      if (status === undefined) throw invalid(`status is one of ${statuses.join(", ").toUpperCase()}`);
      found.status = status;
      return;
    }
    default:
      throw invalid(`there is no field ${field}; use archived, pinned, status, title, model or labels.KEY`);
  }
}

function twice(field: string): PalaverError {
  return invalid(`${field} is given twice`);
}

function place(token: Token | undefined): string {
  return token === undefined ? "the end" : `position ${token.at + 1}`;
}

function invalid(description: string): PalaverError {
  return invalidArgument("INVALID_FILTER", "filter", description);
}
