import type { Connection } from "./connection.js";
import { loadClientConfig } from "../config/index.js";
import { colorsFor, type Surroundings } from "./terminal.js";

/** How to go on with a chat later, as a line for standard error. */
export function continueHint({ stderr, env }: Surroundings, { url }: Connection, chatId: string): string {
  const option = url === loadClientConfig(env).url ? "" : ` --url ${url}`;
  return `${colorsFor(stderr, env).dim(`Continue: npx palaver chat --chat ${chatId}${option}`)}\n`;
}
