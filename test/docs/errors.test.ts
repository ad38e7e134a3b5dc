import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Look like reasons, and nobody is told them as such. */
const noReasons: readonly (string | RegExp)[] = [
  /^(?:PALAVER|OPENAI|ANTHROPIC|GOOGLE|XDG)_/, // environment variables
  "DATABASE_URL",
  /^NATS_(?:URL|USER|PASSWORD|TOKEN|NKEY|CREDS|CA|CERT|KEY)$/,
  "NO_COLOR",
  "EAI_AGAIN", // an error of the system
  "ERR_ENCODING_INVALID_ENCODED_DATA", // an error of Node
  // Refusals that only a worker meets.
  "ATTEMPTS_EXHAUSTED",
  "INTERRUPT_REQUESTED",
  "NOTHING_TO_COMPACT",
  "NOT_ACQUIRABLE",
];

/** How reasons stand in the code: as strings, as keys of tables, and, if they are one word, where only a reason can be. */
const patterns = [
  /"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"/g,
  /^\s+([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+):\s+"/gm,
  /\breason: "([A-Z]+)"/g,
  /\bCode\.\w+,\s*"([A-Z]+)"/g,
];

const code = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !/^gen\b|\.(?:test|fixture)\.ts$/.test(file))
  .map((file) => readFileSync(join(root, "src", file), "utf8"))
  .join("\n");

/** The first columns of the tables. */
const listed = readFileSync(join(root, "docs/errors.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .flatMap((line) => matches(line.split(" | ", 1)[0] ?? "", /`([A-Z0-9_]+)`/g));

function matches(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), ([, name = ""]) => name);
}

test("the document lists every reason that the program can give", () => {
  const reasons = [...new Set(patterns.flatMap((pattern) => matches(code, pattern)))].filter(
    (name) => !noReasons.some((odd) => (typeof odd === "string" ? odd === name : odd.test(name))),
  );
  expect(reasons).toEqual(
    expect.arrayContaining(["USAGE", "INTERNAL", "CHAT_BUSY", "DATA_DIR_UNUSABLE", "UNKNOWN_MODEL"]),
  );
  expect(reasons.filter((name) => !listed.includes(name))).toEqual([]);
});

test("the document lists nothing that the program does not know", () => {
  expect(listed.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([]);
});
