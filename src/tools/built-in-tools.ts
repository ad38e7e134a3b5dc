import { currentTime } from "./current-time.js";
import { createHttpFetch } from "./http-fetch.js";
import { isPublicAddress } from "./public-address.js";
import type { Tool } from "./tool.js";

/** The tools that come with the server. */
export type BuiltInToolName = "current_time" | "http_fetch";

/** The built-in tools of these names. */
export function builtInTools(options: {
  names: readonly BuiltInToolName[];
  httpFetchAllowPrivate: boolean;
}): Tool[] {
  const create: Record<BuiltInToolName, () => Tool> = {
    current_time: () => currentTime,
    http_fetch: () =>
      createHttpFetch({ mayReach: options.httpFetchAllowPrivate ? () => true : isPublicAddress }),
  };
  return options.names.map((name) => create[name]());
}
