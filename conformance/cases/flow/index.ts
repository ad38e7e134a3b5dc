import type { Case } from "../../suite/cases/define-case.js";
import { evictedCanResume } from "./evicted-can-resume.js";
import { slowReaderAlone } from "./slow-reader-alone.js";
import { slowReaderExactOrTold } from "./slow-reader-exact-or-told.js";
import { slowReaderNotGeneration } from "./slow-reader-not-generation.js";

export const cases: readonly Case[] = [
  slowReaderExactOrTold,
  slowReaderAlone,
  slowReaderNotGeneration,
  evictedCanResume,
];
