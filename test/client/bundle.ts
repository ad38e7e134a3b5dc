import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface BundleOptions {
  /** The module's text; its imports are as seen from the repository's root. */
  readonly entry: string;
  /** Packages that are left out. */
  readonly external?: readonly string[];
  readonly minify?: boolean;
}

export interface Bundle {
  readonly code: string;
  /** Compressed, as it travels. */
  readonly gzipBytes: number;
  /** The files that are in it. */
  readonly inputs: readonly string[];
}

/** Makes one file for browsers. A module of Node anywhere in it is an error. */
export async function bundle({ entry, external = [], minify = true }: BundleOptions): Promise<Bundle> {
  const result = await build({
    stdin: { contents: entry, resolveDir: root, loader: "ts" },
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    target: "es2023",
    external: [...external],
    minify,
    logLevel: "silent",
  });
  const code = result.outputFiles[0]?.text ?? "";
  // Files of which nothing is left count as not in it.
  const inputs = Object.values(result.metafile.outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
  return { code, gzipBytes: gzipSync(code, { level: 9 }).length, inputs };
}
