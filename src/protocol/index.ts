export {
  type ChatError,
  type ChatErrorKind,
  readChatError,
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
export { escapeText, mapStrings, unescapeText } from "./jsonb-text.js";
export { contentVersion, type DecodedContent, decodeContent, encodeContent } from "./stored-content.js";
export { userPartsFromProto } from "./from-proto.js";
