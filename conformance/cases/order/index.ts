import type { Case } from "../../suite/cases/define-case.js";
import { seqContiguous } from "./seq-contiguous.js";

export const cases: readonly Case[] = [seqContiguous];
