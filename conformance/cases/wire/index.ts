import type { Case } from "../../suite/cases/define-case.js";
import { errorBeforeFirstMessage } from "./error-before-first-message.js";
import { errorMatrix } from "./error-matrix.js";
import { flushEachEvent } from "./flush-each-event.js";
import { headersFirst } from "./headers-first.js";
import { http1Stream } from "./http1-stream.js";
import { jsonMapping } from "./json-mapping.js";
import { sameTranscript } from "./same-transcript.js";
import { streamMatrix } from "./stream-matrix.js";
import { unaryMatrix } from "./unary-matrix.js";

export const cases: readonly Case[] = [
  unaryMatrix,
  streamMatrix,
  sameTranscript,
  errorMatrix,
  errorBeforeFirstMessage,
  headersFirst,
  flushEachEvent,
  jsonMapping,
  http1Stream,
];
