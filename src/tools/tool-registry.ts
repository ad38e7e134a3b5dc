import type { Tool, ToolDeclaration } from "./tool.js";

/** The tools that this server runs. */
export interface ToolRegistry {
  get(name: string): Tool | undefined;
  /** What models are told, sorted by name. */
  declarations(): readonly ToolDeclaration[];
}

/** @throws Error when two tools have the same name */
export function createToolRegistry(tools: readonly Tool[]): ToolRegistry {
  const byName = new Map<string, Tool>();
  for (const tool of tools) {
    if (byName.has(tool.name)) throw new Error(`two tools are named ${tool.name}`);
    byName.set(tool.name, tool);
  }
  const declarations = [...byName.keys()].sort().flatMap((name): ToolDeclaration[] => {
    const tool = byName.get(name);
    return tool === undefined ? [] : [{ name, description: tool.description, inputSchema: tool.inputSchema }];
  });
  return { get: (name) => byName.get(name), declarations: () => declarations };
}
