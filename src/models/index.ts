export {
  type FinishReason,
  type HistoryMessage,
  type Model,
  ModelError,
  type ModelEvent,
  type ModelRegistry,
  type ModelRequest,
  type ModelUsage,
  type ToolDeclaration,
} from "./model.js";
export { createModelRegistry, type ModelsConfig } from "./registry.js";
