export {
  type ChatError,
  type ChatErrorKind,
  chatErrorKinds,
  chatErrorSchema,
  type RetryState,
  retryStateSchema,
} from "./chat-error.js";
export { type ErrorCategory, type FieldViolation, invalidArgument, PalaverError } from "./palaver-error.js";
export {
  type FilePart,
  type FileReferencePart,
  type ProviderMetadata,
  type ReasoningPart,
  type Role,
  type SourcePart,
  type StoredPart,
  storedPartSchema,
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
  errorToProto,
  messageToProto,
  partToProto,
  queuedToProto,
  retryToProto,
  roleToProto,
  statusToProto,
} from "./to-proto.js";
export { escapeText, mapStrings, unescapeText } from "./jsonb-text.js";
export { contentVersion, type DecodedContent, decodeContent, encodeContent } from "./stored-content.js";
export { userPartsFromProto } from "./from-proto.js";
