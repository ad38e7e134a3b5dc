export {
  eof,
  finish,
  gate,
  httpError,
  malformed,
  type ProviderStep,
  reasoning,
  reset,
  stall,
  streamError,
  text,
  toolCall,
  webSearch,
} from "./script.js";
export type { RecordedRequest } from "./script-book.js";
export {
  type ProviderServer,
  type ScriptedModelHandle,
  startProviderServer,
} from "./start-provider-server.js";
