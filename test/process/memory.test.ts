import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { nodeCommand } from "../kit/compiled-sources.js";
import { createTestDatabase } from "../kit/postgres.js";

/** A short answer in a few fragments, at once. */
const script = { name: "quick", turns: [{ steps: [{ text: "An answer in a few fragments.", chunk: 6 }] }] };

// More turns take longer: TEST_MEMORY_MARKS="1000 10000" npx vitest run test/process/memory.test.ts
it("the memory of a replica does not grow with the turns that it has run", async () => {
  // Until then it also grows by what is compiled: 1.8 MB in the second thousand turns, 0.2 to 0.3 in each of those after it.
  const marks = (process.env["TEST_MEMORY_MARKS"] ?? "2000 3000").split(" ");
  const heaps = await heapsAfter(marks);
  console.info(
    `heap: ${heaps.map(({ turns, heapBytes }) => `${heapBytes} bytes after ${turns} turns`).join(", ")}`,
  );
  const [first, last] = [heaps[0]?.heapBytes ?? 0, heaps.at(-1)?.heapBytes ?? 0];
  expect(heaps).toHaveLength(marks.length);
  expect(last / first).toBeLessThan(1.05);
}, 600_000);

async function heapsAfter(marks: readonly string[]): Promise<{ turns: number; heapBytes: number }[]> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(path.join(tmpdir(), "palaver-memory-"));
  const scripts = path.join(folder, "scripts.json");
  await writeFile(scripts, JSON.stringify(script));
  const { PATH = "" } = process.env;
  const [node, ...main] = nodeCommand("test/process/many-turns.fixture.ts", "--expose-gc");
  const child = spawn(node, [...main, ...marks], {
    env: {
      PATH,
      HOME: folder,
      DATABASE_URL: database.url,
      PALAVER_LISTEN: "127.0.0.1:0",
      PALAVER_SCRIPTS: scripts,
      PALAVER_MODEL: "scripted/quick",
      PALAVER_RESUME_GRACE: "200ms",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const exited = once(child, "exit");
    const heaps: { turns: number; heapBytes: number }[] = [];
    for await (const line of createInterface({ input: child.stdout }))
      heaps.push(JSON.parse(line) as { turns: number; heapBytes: number });
    expect((await exited)[0]).toBe(0);
    return heaps;
  } finally {
    child.kill("SIGKILL");
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  }
}
