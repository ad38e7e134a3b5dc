import type { Case } from "../../suite/cases/define-case.js";

export const cases: readonly Case[] = [];
