import type { Case } from "./define-case.js";

/** Every case of the suite, by group. */
export const cases: readonly Case[] = [];
