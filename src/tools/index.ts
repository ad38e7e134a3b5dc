export { type BuiltInToolName, builtInTools } from "./built-in-tools.js";
export { defineTool, type Tool, type ToolContext, type ToolDeclaration } from "./tool.js";
export { encodeToolOutput, type ToolOutput } from "./tool-output.js";
export { createToolRegistry, type ToolRegistry } from "./tool-registry.js";
