import type { Case } from "../../suite/cases/define-case.js";
import { canary } from "./canary.js";
import { liveParts } from "./live-parts.js";
import { snapshot } from "./snapshot.js";
import { stillSentToModel } from "./still-sent-to-model.js";
import { unary } from "./unary.js";

export const cases: readonly Case[] = [unary, liveParts, snapshot, canary, stillSentToModel];
