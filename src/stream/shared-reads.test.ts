import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { atEndOfTurn } from "../platform/index.js";
import { SharedReads } from "./shared-reads.js";

/** Reads that end when they are told to. */
class ManualReads {
  readonly begun: { key: string; version: number; end: (failure?: Error) => void }[] = [];
  /** What a read that begins now shows. */
  version = 0;

  begin(key: string): () => Promise<number> {
    return () =>
      new Promise((resolve, reject) => {
        const { version } = this;
        const end = (failure?: Error): void => {
          if (failure === undefined) resolve(version);
          else reject(failure);
        };
        this.begun.push({ key, version, end });
      });
  }

  async endFirst(failure?: Error): Promise<void> {
    this.begun.shift()?.end(failure);
    await settled();
  }
}

/** Everything that follows from what was resolved has happened. */
const settled = (): Promise<void> => new Promise((resolve) => atEndOfTurn(resolve));

describe("SharedReads", () => {
  it("makes one read for all who ask while another is under way, and begins it after that one", async () => {
    const source = new ManualReads();
    const reads = new SharedReads<number>();
    const ask = (): Promise<number> => reads.read("a", source.begin("a"));
    const first = ask();
    source.version = 1;
    const others = [ask(), ask(), ask()];
    expect(source.begun).toHaveLength(1);
    await source.endFirst();
    expect(await first).toBe(0);
    expect(source.begun).toHaveLength(1);
    await source.endFirst();
    expect(await Promise.all(others)).toEqual([1, 1, 1]);
    expect(source.begun).toHaveLength(0);
  });

  it("fails for those who waited for the read that failed, and for nobody else", async () => {
    const source = new ManualReads();
    const reads = new SharedReads<number>();
    const first = reads.read("a", source.begin("a"));
    const second = reads.read("a", source.begin("a"));
    const failed = expect(first).rejects.toThrow("gone");
    await source.endFirst(new Error("gone"));
    await failed;
    await source.endFirst();
    expect(await second).toBe(0);
  });

  it("lets reads of other keys go on", () => {
    const source = new ManualReads();
    const reads = new SharedReads<number>();
    void reads.read("a", source.begin("a"));
    void reads.read("b", source.begin("b"));
    expect(source.begun.map(({ key }) => key)).toEqual(["a", "b"]);
  });

  it("answers whoever asks with a read of the same key that began after they asked, one at a time", async () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ type: fc.constant("ask" as const), key: fc.constantFrom("a", "b") }),
      },
      { weight: 2, arbitrary: fc.record({ type: fc.constant("end" as const), fails: fc.boolean() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const source = new ManualReads();
        const reads = new SharedReads<number>();
        const answers: Promise<void>[] = [];
        for (const next of steps) {
          if (next.type === "end") await source.endFirst(next.fails ? new Error("gone") : undefined);
          else {
            const asked = ++source.version;
            const answer = reads.read(next.key, source.begin(next.key));
            answers.push(
              answer.then(
                (version) => expect(version).toBeGreaterThanOrEqual(asked),
                (error: unknown) => expect(error).toEqual(new Error("gone")),
              ),
            );
          }
          const keys = source.begun.map(({ key }) => key);
          expect(new Set(keys).size).toBe(keys.length);
        }
        while (source.begun.length > 0) await source.endFirst();
        await Promise.all(answers);
      }),
    );
  });
});
