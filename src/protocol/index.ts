export { BackwardWriter } from "./backward-writer.js";
export {
  type ChatError,
  type ChatErrorKind,
  readChatError,
  type RetryState,
  retryStateSchema,
} from "./chat-error.js";
export {
  type CheckpointChunk,
  type CheckpointDelta,
  decodeCheckpoint,
  encodeCheckpoint,
} from "./checkpoint.js";
export { foldDeltas } from "./fold-deltas.js";
export { fieldOf, isKnown, readTextPart, writePart } from "./part-bytes.js";
export { placeResults } from "./place-results.js";
export { type ErrorCategory, type FieldViolation, invalidArgument, PalaverError } from "./palaver-error.js";
export type { ProviderMetadata } from "./provider-metadata.js";
export {
  type FilePart,
  type FileReferencePart,
  type ReasoningPart,
  type Role,
  type StoredPart,
  type TextPart,
  type ToolCallPart,
  type ToolResultPart,
  type Usage,
  usageSchema,
  type Visibility,
} from "./stored-part.js";
export type { ChatRecord, MessageRecord, QueuedRecord } from "./records.js";
export {
  chatToProto,
  messageToProto,
  partToProto,
  queuedToProto,
  roleToProto,
  statusToProto,
} from "./to-proto.js";
export { decodeCursorText, encodeCursorText } from "./cursor-text.js";
export { escapeText, mapStrings, unescapeText } from "./jsonb-text.js";
export { contentVersion, type DecodedContent, decodeContent, encodeContent } from "./stored-content.js";
export { userPartsFromProto } from "./from-proto.js";
export { isUuid } from "./uuid.js";
export { storedPartFromProto } from "./stored-part-from-proto.js";
export { usageFromProto } from "./usage-from-proto.js";
