import { readdir, readFile } from "node:fs/promises";
import { expect, it } from "vitest";

const root = new URL("../../", import.meta.url);

/** Without indentation: what stands inside a function here is quoted as it stands. */
function bare(code: string): string {
  return code
    .split("\n")
    .map((line) => line.trim())
    .join("\n")
    .trim();
}

it("what the document quotes stands in an example that is run", async () => {
  const document = await readFile(new URL("docs/client.md", root), "utf8");
  const names = await readdir(new URL("examples/", root));
  const examples = await Promise.all(
    names.map(async (name) => bare(await readFile(new URL(`examples/${name}`, root), "utf8"))),
  );
  const quotes = Array.from(document.matchAll(/^```ts\n(.*?)^```$/gms), ([, code = ""]) => bare(code));
  expect(quotes.length).toBeGreaterThan(4);
  expect(quotes.filter((quote) => !examples.some((example) => example.includes(quote)))).toEqual([]);
});
