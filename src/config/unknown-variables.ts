import { variables } from "./variables.js";

/** What people write when they mean another variable, and edit distance does not find it. */
const otherNames: Readonly<Record<string, string>> = {
  PALAVER_PORT: "PALAVER_LISTEN",
  PALAVER_HOST: "PALAVER_LISTEN",
  PALAVER_ADDRESS: "PALAVER_LISTEN",
  PALAVER_BIND: "PALAVER_LISTEN",
  PALAVER_API_TOKEN: "PALAVER_TOKEN",
  PALAVER_DEFAULT_MODEL: "PALAVER_MODEL",
};

/**
 * The variables named `PALAVER_…` that do not exist: typing errors, which must not be ignored silently. What Kubernetes puts
 * into every container for a Service named palaver (`PALAVER_SERVICE_HOST`, `PALAVER_PORT_7717_TCP` …) is none of them.
 */
export function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env).filter(
    (name) =>
      name.startsWith("PALAVER_") &&
      !Object.hasOwn(variables, name) &&
      !isServiceVariable(name, env[name] ?? ""),
  );
}

function isServiceVariable(name: string, value: string): boolean {
  return (
    /_SERVICE_HOST$|_SERVICE_PORT(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)/.test(name) ||
    (name.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(value))
  );
}

/** The variable that was probably meant; undefined when none is close. */
export function didYouMean(name: string): string | undefined {
  const other = otherNames[name];
  if (other !== undefined) return other;
  const stem = withoutPrefix(name);
  let best: { name: string; distance: number } | undefined;
  for (const candidate of Object.keys(variables)) {
    const distance = editDistance(stem, withoutPrefix(candidate));
    if (distance < (best?.distance ?? Infinity)) best = { name: candidate, distance };
  }
  return best !== undefined && best.distance <= Math.max(1, Math.floor(stem.length / 3))
    ? best.name
    : undefined;
}

function withoutPrefix(name: string): string {
  return name.replace(/^PALAVER_/, "");
}

/** Levenshtein's distance: how many characters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
