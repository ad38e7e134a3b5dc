// Everything that can be said about the code without running it: `npm run check`.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const HELP = `Usage: npm run check [-- <name>...]

Runs all checks, or those named, two at a time. A check prints one line; its output follows only when it fails.
Ends with code 1 when any fails. Nothing in the tree is changed: npm run format and npm run generate do that.

Checks:
`;

const root = fileURLToPath(new URL("..", import.meta.url));
const code = ["src", "test", "examples", "conformance", "bench"].filter((directory) =>
  existsSync(join(root, directory)),
);
const docs = ["scripts/docs.js", "scripts/docs.ts"].find((script) => existsSync(join(root, script)));

/** Each check resolves to what is wrong, or to nothing; the slowest first, so that the others run beside them. */
const checks = [
  { name: "lint", about: "eslint", run: () => tool("eslint", ".") },
  { name: "types", about: "tsc", run: () => tool("tsc", "--noEmit") },
  { name: "imports", about: "direction of imports, cycles", run: () => tool("depcruise", ...code) },
  {
    name: "unused",
    about: "unused files, exports and dependencies",
    run: () => tool("knip", "--no-progress", "--no-config-hints"),
  },
  {
    name: "format",
    about: "formatting of TypeScript, JavaScript and JSON",
    run: () => tool("biome", "format"),
  },
  { name: "proto-lint", about: "style and comments of the schema", run: () => tool("buf", "lint") },
  { name: "proto-format", about: "formatting of the schema", run: checkProtoFormat },
  {
    name: "proto-breaking",
    about: "the schema against proto/image.binpb",
    run: () => tool("buf", "breaking", "--against", "proto/image.binpb"),
  },
  { name: "generated", about: "src/gen is what the schema generates", run: checkGenerated },
  ...(docs === undefined
    ? []
    : [
        {
          name: "docs",
          about: "generated documents are up to date",
          run: () => tool("tsx", docs, "--check"),
        },
      ]),
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter(
  (name) => !name.startsWith("-") && !checks.some((check) => check.name === name),
);
if (wanted.includes("--help") || wanted.includes("-h")) {
  console.log(HELP + checks.map(({ name, about }) => `  ${name.padEnd(16)}${about}`).join("\n"));
} else if (unknown.length > 0 || wanted.some((name) => name.startsWith("-"))) {
  console.error(`No such check: ${wanted.join(" ")}. See npm run check -- --help`);
  process.exitCode = 2;
} else {
  const chosen = wanted.length === 0 ? checks : checks.filter(({ name }) => wanted.includes(name));
  process.exitCode = (await runAll(chosen, 2)) ? 0 : 1;
}

/** Runs `chosen`, at most `width` at once; resolves to whether all passed. */
async function runAll(chosen, width) {
  const waiting = [...chosen];
  const failed = [];
  const lane = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const startedAt = performance.now();
      const problem = await check.run().catch((error) => String(error));
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      console.log(
        `${problem === undefined ? "ok  " : "FAIL"} ${check.name.padEnd(16)}${seconds.padStart(6)} s`,
      );
      if (problem === undefined) continue;
      failed.push(check.name);
      console.log(problem.trimEnd());
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  console.log(failed.length === 0 ? "All checks passed." : `Failed: ${failed.join(", ")}`);
  return failed.length === 0;
}

/** Runs a program of node_modules; resolves to its output when it fails. */
function tool(name, ...args) {
  const programs = join(root, "node_modules/.bin");
  const child = spawn(join(programs, name), args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    // buf looks for its plugin on the PATH.
    env: {
      ...process.env,
      PATH: programs + delimiter + process.env.PATH,
      FORCE_COLOR: process.stdout.isTTY ? "1" : "0",
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => {
      if (status === 0) resolve(undefined);
      else resolve(output.trim() === "" ? `${name} ended with ${status ?? signal}` : output);
    });
  });
}

/** Only our own schema: the interfaces of others stay as they are. */
function checkProtoFormat() {
  return tool("buf", "format", "--path", "proto/palaver", "--diff", "--exit-code");
}

/** Generates into a temporary directory and compares. */
async function checkGenerated() {
  const directory = await mkdtemp(join(tmpdir(), "palaver-generated-"));
  try {
    const problem = await tool("buf", "generate", "--output", directory);
    if (problem !== undefined) return problem;
    const [fresh, committed] = await Promise.all([
      contents(join(directory, "src/gen")),
      contents(join(root, "src/gen")),
    ]);
    const stale = [...new Set([...fresh.keys(), ...committed.keys()])]
      .filter((file) => fresh.get(file) !== committed.get(file))
      .map((file) => `src/gen/${file}`);
    return stale.length === 0
      ? undefined
      : `Not what the schema generates (npm run generate):\n${stale.join("\n")}`;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The files below `directory`, by relative path. */
async function contents(directory) {
  const files = new Map();
  for (const name of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue;
    const path = join(name.parentPath, name.name);
    files.set(path.slice(directory.length + 1), await readFile(path, "utf8"));
  }
  return files;
}
