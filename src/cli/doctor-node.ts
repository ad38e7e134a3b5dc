import type { Finding } from "./doctor-finding.js";

/** What package.json asks for under "engines". */
const oldestNode = [20, 19] as const;

export function checkNode(current: string): Finding {
  const [major = 0, minor = 0] = current.split(".").map(Number);
  const isEnough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  if (isEnough) return { check: "Node.js", status: "ok", detail: current };
  return {
    check: "Node.js",
    status: "failed",
    detail: current,
    advice: `Version ${oldestNode.join(".")} or newer is needed.`,
  };
}
