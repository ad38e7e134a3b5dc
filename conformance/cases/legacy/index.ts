import type { Case } from "../../suite/cases/define-case.js";
import { corpusCases } from "./corpus-cases.js";
import { corruptRowIsolated } from "./corrupt-row-isolated.js";
import { envelopedReasoning } from "./enveloped-reasoning.js";
import { mixedInOneChat } from "./mixed-in-one-chat.js";
import { noRewriteOnRead } from "./no-rewrite-on-read.js";
import { readPathsAgree } from "./read-paths-agree.js";

export const cases: readonly Case[] = [
  ...corpusCases,
  envelopedReasoning,
  mixedInOneChat,
  corruptRowIsolated,
  noRewriteOnRead,
  readPathsAgree,
];
