import { access } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type BaselineEntry, baselineSchema } from "../baseline/baseline.js";
import type { Case } from "../cases/define-case.js";
import { isSelected } from "../cases/select.js";
import { type Manifest, manifestSchema } from "../manifest/manifest.js";
import { readYaml } from "../manifest/read-yaml.js";
import { missingVariables } from "../run/environment.js";
import { UsageError } from "../usage-error.js";

export interface LoadedTarget {
  readonly manifest: Manifest;
  readonly baseline: readonly BaselineEntry[];
  /** Where the baseline stands, or would stand. */
  readonly baselinePath: string;
}

/** @throws {UsageError} when the manifest or its baseline is wrong */
export async function loadTarget(path: string): Promise<LoadedTarget> {
  const manifest = await readYaml(path, manifestSchema);
  const baselinePath = resolve(dirname(path), manifest.baseline ?? "conformance-baseline.yaml");
  const isThere = await access(baselinePath).then(
    () => true,
    () => false,
  );
  // A manifest may name a baseline that `baseline update` has yet to write.
  const baseline =
    isThere && manifest.baseline !== undefined ? (await readYaml(baselinePath, baselineSchema)).entries : [];
  return { manifest, baseline, baselinePath };
}

/**
 * The same, for what reaches the target: with all that the manifest names of the environment.
 *
 * @throws {UsageError} also when a variable is not set
 */
export async function loadReachableTarget(path: string): Promise<LoadedTarget> {
  const loaded = await loadTarget(path);
  const missing = missingVariables(loaded.manifest);
  if (missing.length === 0) return loaded;
  const lines = missing.map(
    (each) => `${path}: ${each.path}: ${each.name} is not set in the environment: set it`,
  );
  throw new UsageError(lines.join("\n"));
}

/** @throws {UsageError} when a pattern means no case */
export function requireMatches(cases: readonly Case[], patterns: readonly string[]): void {
  for (const pattern of patterns)
    if (!cases.some(({ id }) => isSelected(id, [pattern])))
      throw new UsageError(`no case is called ${pattern}: list shows those that there are`);
}

/** @throws {UsageError} when there is none of that name */
export function requireCase(cases: readonly Case[], id: string): Case {
  const found = cases.find((each) => each.id === id);
  if (found === undefined) throw new UsageError(`no case is called ${id}: list shows those that there are`);
  return found;
}
